//! A trainer that learns nothing: a shell script in the engine's place that serves as the engine
//! does, and for `train` does what the test's control file says. It makes the base itself the new
//! model, so what surrounds the learning can be tested in milliseconds, and made to fail.

use crate::cluster::Cluster;
use crate::installation::installation;
use std::os::unix::fs::PermissionsExt;

const SCRIPT: &str = r#"#!/bin/sh
[ "$1" = train ] || exec "ENGINE" "$@"
job=$3
value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$job"; }
say() { printf '%s\n' "$1"; }
rows=$(wc -l < "$(value rows)")
say '{"event":"started","method":"head","device":"cpu","train_rows":'"$rows"',"test_rows":4,
"duplicate_rows":0,"conflicting_rows":0,"classes":{},"steps":4,"resumed_at":0}' | tr -d '\n'; echo
say '{"event":"progress","step":1,"of":4,"epoch":0.25,"loss":1.5,"learning_rate":0.1,"rows_per_second":10.0}'
. "$(dirname "$0")/control"
say '{"event":"progress","step":4,"of":4,"epoch":1.0,"loss":0.5,"learning_rate":0.0,"rows_per_second":10.0}'
say '{"event":"evaluating"}'
base=$(value base)
mkdir -p "$(value output)" && cp "$base"/*.json "$base"/model.safetensors "$(value output)"
[ -z "$extra" ] || printf '{"%s": 1}' "$extra" > "$(value output)/special_tokens_map.json"
figures='{"rows":4,"accuracy":ACC,"accuracy_interval":{"low":0.5,"high":1.0},"macro_f1":0.9,
"macro_f1_interval":{"low":0.5,"high":1.0},"log_loss":0.2,"calibration_error":0.1,"classes":[],
"confusion":[]}'
say '{"event":"finished","evaluation":'"$(say "$figures" | sed s/ACC/0.9/)"',"champion":null,
"comparison":null,"decision":{"promote":'"${promote:-true}"',"reason":"the stand-in says so"},
"importances":[],"seconds":0.1,"joules":1.0,"joules_source":"estimate"}' | tr -d '\n'; echo
"#;

/// Has the trainer wait until it is ended. Without a child of its own, which would outlive it: a real
/// trainer starts none.
pub const FOREVER: &str = "read -r _; exit 1";

/// Puts the stand-in in the engine's place.
pub fn install(cluster: &Cluster) {
    let engine = installation().package_directory.join("crm_ai_engine");
    let script = cluster.sockets().join("crm_ai_engine");
    std::fs::write(&script, SCRIPT.replace("ENGINE", &engine.display().to_string())).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    control(cluster, "");
    let mut session = cluster.session();
    cluster.set(&mut session, "crm_ai.engine_path", &script.display().to_string());
}

/// What the next trainer does between its first and its last step, as shell commands.
pub fn control(cluster: &Cluster, commands: &str) {
    std::fs::write(cluster.sockets().join("control"), commands).unwrap();
}
