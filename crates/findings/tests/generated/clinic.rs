//! Sound stays in a clinic.

use crate::Sheet;
use crate::draw::{Draw, FAMILY, GIVEN, day};

const HEADS: [&str; 36] = [
    "patient_id",
    "mrn",
    "first_name",
    "middle_name",
    "last_name",
    "gender",
    "date_of_birth",
    "age_years",
    "blood_type",
    "admission_date",
    "discharge_date",
    "ward",
    "room_number",
    "diagnosis_code",
    "diagnosis",
    "npi",
    "temperature_f",
    "heart_rate",
    "systolic_bp",
    "diastolic_bp",
    "weight_kg",
    "height_cm",
    "bmi",
    "insurance_id",
    "insurance_plan",
    "copay",
    "ssn",
    "is_smoker",
    "allergies",
    "physician",
    "follow_up_date",
    "lab_result",
    "visit_time",
    "service_day",
    "charge_amount",
    "policy_limit",
];

const DIAGNOSES: [(&str, &str); 8] = [
    ("I10", "Hypertension"),
    ("E11.9", "Type 2 diabetes"),
    ("J45.909", "Asthma"),
    ("M54.5", "Low back pain"),
    ("F41.1", "Anxiety disorder"),
    ("K21.9", "Reflux disease"),
    ("N39.0", "Urinary infection"),
    ("R51", "Headache"),
];

pub fn stays(seed: u64, rows: usize) -> Sheet {
    let mut draw = Draw::new(seed + 1000);
    let rows = (0..rows).map(|row| stay(&mut draw, row)).collect();
    Sheet { heads: HEADS.to_vec(), rows }
}

fn npi(row: usize) -> String {
    let body = format!("1{:08}", row * 20_011 % 100_000_000);
    let sum: u32 = format!("80840{body}")
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            let digit = if place % 2 == 0 { digit * 2 } else { digit };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn stay(draw: &mut Draw, row: usize) -> Vec<String> {
    let age = 18 + draw.below(70);
    // Ages were told on 2024-06-30.
    let birth = format!("{}-{:02}-{:02}", 2023 - age, 7 + draw.below(6), 1 + draw.below(28));
    let admitted = 8766 + draw.below(150);
    let stays = 1 + draw.below(12);
    let (code, diagnosis) = draw.pick(&DIAGNOSES);
    let gender = draw.pick(&["M", "F"]);
    let ward = match (gender, draw.pick(&["Cardiology", "Oncology", "Surgery", "Maternity"])) {
        ("M", "Maternity") => "Surgery",
        (_, ward) => ward,
    };
    let (weight, height) = (draw.normal(78.0, 14.0).clamp(40.0, 160.0), draw.normal(170.0, 10.0));
    let systolic = draw.normal(125.0, 12.0).round();
    vec![
        format!("P{:06}", row + 1),
        format!("{}", 50_000_000 + row * 37),
        draw.pick(&GIVEN).into(),
        if draw.chance(0.6) { String::new() } else { draw.pick(&GIVEN).into() },
        draw.pick(&FAMILY).into(),
        gender.into(),
        birth,
        age.to_string(),
        draw.pick(&["O+", "A+", "B+", "AB+", "O-", "A-", "B-", "AB-", "O+", "A+"]).into(),
        day(admitted),
        day(admitted + stays),
        ward.into(),
        (100 + draw.below(300)).to_string(),
        code.into(),
        diagnosis.into(),
        npi(row),
        format!("{:.1}", draw.normal(98.4, 0.7)),
        format!("{:.0}", draw.normal(75.0, 9.0)),
        format!("{systolic:.0}"),
        format!("{:.0}", (systolic - draw.normal(45.0, 6.0)).round()),
        format!("{weight:.1}"),
        format!("{height:.1}"),
        format!("{:.1}", weight / (height / 100.0).powi(2)),
        format!("INS{:08}", row * 24_001 % 100_000_000),
        draw.pick(&["HMO", "PPO", "EPO", "Medicare"]).into(),
        draw.pick(&["0", "10", "20", "25", "40"]).into(),
        format!("{:03}-{}-{}", 100 + draw.below(600), 10 + draw.below(89), 1000 + draw.below(8999)),
        draw.pick(&["Y", "N"]).into(),
        draw.pick(&["Penicillin", "Latex", "None", "None", "Peanuts", "Sulfa"]).into(),
        format!("Dr. {}", draw.pick(&FAMILY)),
        if draw.chance(0.5) { String::new() } else { day(admitted + 30 + draw.below(60)) },
        format!("{:.2}", draw.normal(1.0, 0.6).exp()),
        format!("{:02}:{:02}", 7 + draw.below(11), draw.below(60)),
        // Monday 2024-01-01 and the days after it.
        day(8766 + draw.below(20) * 7 + draw.below(5)),
        format!("{:.2}", draw.normal(6.0, 0.9).exp().min(1_900.0)),
        draw.pick(&["2000", "3000", "5000"]).into(),
    ]
}
