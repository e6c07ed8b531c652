//! Faults of each kind, put into a few rows of a column.

use crate::Sheet;

/// A fault.
pub struct Fault {
    /// The column that it is put into.
    pub column: &'static str,
    /// The code that must be found there.
    pub code: &'static str,
    /// A row in so many has it.
    every: usize,
    /// What becomes of a value.
    change: fn(&str) -> String,
}

impl Fault {
    /// Puts it into a sheet.
    pub fn put_into(&self, sheet: &mut Sheet) {
        let place = sheet.place(self.column);
        let rows = sheet.rows.iter_mut().filter(|row| !row[place].is_empty());
        for row in rows.skip(3).step_by(self.every) {
            row[place] = (self.change)(&row[place]);
        }
    }
}

fn fault(
    column: &'static str,
    code: &'static str,
    every: usize,
    change: fn(&str) -> String,
) -> Fault {
    Fault { column, code, every, change }
}

fn number(value: &str) -> f64 {
    value.parse().unwrap_or(0.0)
}

fn year(value: &str, year: &str) -> String {
    format!("{year}{}", &value[4..])
}

/// One for each kind.
pub fn all() -> Vec<Fault> {
    let mut all = of_values();
    all.extend(of_forms());
    all.extend(of_rows());
    all
}

fn of_values() -> Vec<Fault> {
    vec![
        fault("email", "missing_values", 50, |_| String::new()),
        fault("customer_name", "placeholder", 100, |_| "N/A".into()),
        fault("quantity", "placeholder", 150, |_| "999".into()),
        fault("date_of_birth", "placeholder", 100, |_| "1900-01-01".into()),
        fault("quantity", "mixed_types", 200, |_| "two".into()),
        fault("first_name", "mixed_types", 200, |_| "J0hn7".into()),
        fault("order_date", "invalid_date", 200, |_| "2023-02-30".into()),
        fault("email", "invalid_email", 100, |value| value.replace('@', "")),
        fault("phone", "invalid_phone", 100, |_| "555-12".into()),
        fault("visit_time", "invalid_time", 200, |_| "25:61".into()),
        fault("ip_address", "invalid_ip", 200, |_| "300.1.1.1".into()),
        fault("age_years", "out_of_range", 400, |_| "151".into()),
        fault("unit_price", "negative_value", 300, |value| format!("-{value}")),
        fault("date_of_birth", "future_date", 400, |value| year(value, "2031")),
        fault("order_date", "future_date", 400, |value| year(value, "2031")),
        fault("temperature_f", "outlier", 400, |_| "37.0".into()),
        fault("total_amount", "outlier", 1000, |value| format!("{:.2}", number(value) * 1e4)),
        fault("heart_rate", "outlier", 400, |_| "190".into()),
        fault("order_date", "date_outlier", 900, |value| year(value, "1923")),
    ]
}

fn of_forms() -> Vec<Fault> {
    vec![
        fault("status", "category_variant", 100, str::to_uppercase),
        fault("status", "category_typo", 300, |value| value.replace("ed", "de")),
        fault("payment_method", "unexpected_value", 1000, |_| "barter".into()),
        fault("is_smoker", "mixed_boolean", 300, |_| "yes".into()),
        fault("order_id", "duplicate_key", 300, |_| "17".into()),
        fault("order_number", "duplicate_key", 300, |_| "ORD-100017".into()),
        fault("ssn", "duplicate_value", 300, |_| "123-45-6789".into()),
        fault("sku", "pattern", 300, |value| value.replace('-', "")),
        fault("insurance_id", "pattern", 300, |value| value[..9].into()),
        fault("ean", "checksum", 200, |value| {
            format!("{}{}", &value[..12], (number(&value[12..]) as u32 + 1) % 10)
        }),
        fault("npi", "checksum", 200, |value| {
            format!("{}{}", &value[..9], (number(&value[9..]) as u32 + 1) % 10)
        }),
        fault("zip_code", "lost_leading_zero", 1, |value| value.trim_start_matches('0').into()),
        fault("order_date", "mixed_format", 100, |value| {
            format!("{}/{}/{}", &value[5..7], &value[8..], &value[..4])
        }),
        fault("unit_price", "mixed_format", 200, |value| format!("${value}")),
        fault("city", "stray_space", 200, |value| format!("{value} ")),
        fault("customer_name", "double_space", 200, |value| value.replace(' ', "  ")),
        fault("last_name", "casing", 200, str::to_uppercase),
        fault("product_name", "encoding", 300, |value| format!("{value} cafÃ©")),
        fault("review", "invisible_characters", 300, |value| format!("{value}\u{200B}")),
        fault("sku", "mixed_script", 300, |value| {
            value.replace('O', "\u{41E}").replace('L', "\u{421}L")
        }),
        fault("review", "markup", 300, |value| format!("{value} &amp; <br>")),
    ]
}

fn of_rows() -> Vec<Fault> {
    vec![
        fault("ship_date", "order", 100, |value| year(value, "2020")),
        fault("discharge_date", "order", 100, |value| year(value, "2023")),
        fault("diastolic_bp", "order", 500, |value| format!("{}", number(value) + 70.0)),
        fault("age_years", "age_mismatch", 200, |value| {
            format!("{}", (number(value) - 9.0).abs() + 3.0)
        }),
        fault("state", "state_zip_mismatch", 100, |value| {
            if value == "TX" { "CO".into() } else { "TX".into() }
        }),
        fault("total_amount", "arithmetic", 100, |value| format!("{:.2}", number(value) + 3.0)),
        fault("category", "functional_dependency", 100, |value| {
            if value == "Books" { "Sports".into() } else { "Books".into() }
        }),
        fault("diagnosis", "functional_dependency", 100, |value| {
            if value == "Asthma" { "Headache".into() } else { "Asthma".into() }
        }),
        fault("ship_date", "conditional_missing", 60, |_| String::new()),
        fault("rating", "out_of_range", 400, |_| "7".into()),
        fault("unit_price", "decimal_places", 400, |value| format!("{value}37")),
        fault("service_day", "unusual_weekday", 400, |_| "2024-03-09".into()),
        fault("charge_amount", "order", 300, |_| "4200.00".into()),
        fault("ward", "unlikely_combination", 80, |_| "Maternity".into()),
    ]
}
