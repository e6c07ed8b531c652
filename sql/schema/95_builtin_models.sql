-- Written by `cargo xtask builtin`: the built-in models, as files of the package.
SELECT crm_ai.register_builtin('sentiment', 1, '862d2798e26e248432090d5faecc9cdad84eb9a20d5807a9721c29eb35db5b14',
    '{"architecture":"bert","dimensions":0,"int8_agreement":1.0,"labels":["negative","neutral","positive","very negative","very positive"],"max_tokens":256,"parameters":22749701,"precision":"fp32","temperature":1.19}'::pg_catalog.jsonb);
SELECT crm_ai.register_builtin('minilm', 1, '1b0d67a09471b09516d357eef7fa169c1ff9630b3902a288061cd3f3229e7f48',
    '{"architecture":"bert","dimensions":384,"int8_agreement":null,"labels":[],"max_tokens":512,"parameters":22713216,"precision":"fp32","temperature":1.0}'::pg_catalog.jsonb);
