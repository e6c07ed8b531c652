//! The install script's hand-written parts, in order. Upgrade scripts lie directly in `sql/`.

use pgrx::prelude::*;

extension_sql_file!("../sql/schema/10_registry.sql", name = "registry", bootstrap);
extension_sql_file!(
    "../sql/schema/15_training.sql",
    name = "training_tables",
    requires = ["registry"]
);
extension_sql_file!("../sql/schema/20_types.sql", name = "types", requires = ["registry"]);
extension_sql_file!(
    "../sql/schema/95_builtin_models.sql",
    name = "builtin_models",
    requires = ["registry"]
);
extension_sql_file!(
    "../sql/schema/30_views.sql",
    name = "views",
    requires = ["registry", engine_stats]
);
extension_sql_file!(
    "../sql/schema/35_watches.sql",
    name = "watches",
    requires = ["registry", register_scheduler]
);
extension_sql_file!(
    "../sql/schema/40_cleaning.sql",
    name = "cleaning",
    requires = ["registry", clean_record, clean_values]
);
extension_sql_file!(
    "../sql/schema/35_training_views.sql",
    name = "training_views",
    requires = ["training_tables", "views", register_scheduler]
);
extension_sql_file!(
    "../sql/schema/45_training.sql",
    name = "training",
    requires = ["training_tables", start_run, add_schedule]
);
extension_sql_file!("../sql/schema/90_grants_and_comments.sql", name = "grants", finalize);
