-- Written by `cargo xtask builtin`: the built-in models, as files of the package.
SELECT crm_ai.register_builtin('sentiment', 1, 'db249cb611240702fcfe0ac36dbe6dc5e3fb77925f3c26a87e89fc4c06c9403a',
    '{"architecture":"bert","dimensions":0,"int8_agreement":0.98,"labels":["very negative","negative","neutral","positive","very positive"],"max_tokens":256,"parameters":22715141,"precision":"fp32","temperature":1.58}'::pg_catalog.jsonb);
SELECT crm_ai.register_builtin('minilm', 1, '1b0d67a09471b09516d357eef7fa169c1ff9630b3902a288061cd3f3229e7f48',
    '{"architecture":"bert","dimensions":384,"int8_agreement":null,"labels":[],"max_tokens":512,"parameters":22713216,"precision":"fp32","temperature":1.0}'::pg_catalog.jsonb);
