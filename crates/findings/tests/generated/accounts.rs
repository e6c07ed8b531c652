//! Sound accounts: columns of many shapes that are easily taken for faulty.

use crate::Sheet;
use crate::draw::{Draw, FAMILY, GIVEN, day};

const HEADS: [&str; 36] = [
    "account_uuid",
    "login_name",
    "full_name",
    "job_title",
    "company",
    "website",
    "country_code",
    "language",
    "plan",
    "balance",
    "last_invoice_amount",
    "growth_percent",
    "sessions",
    "score",
    "latitude",
    "longitude",
    "created_at",
    "last_login_at",
    "renewal_date",
    "trial_ends_on",
    "cancelled_at",
    "referral_code",
    "api_token",
    "timezone",
    "browser",
    "is_admin",
    "seats",
    "storage_mb",
    "color",
    "notes",
    "parent_account",
    "tax_id",
    "birth_year",
    "priority",
    "version",
    "segment",
];

/// One of a list, the first far more often than the last.
fn skewed<'l>(draw: &mut Draw, list: &[&'l str]) -> &'l str {
    let place = (draw.unit().powi(3) * list.len() as f64) as usize;
    list[place.min(list.len() - 1)]
}

const TITLES: [&str; 14] = [
    "Engineer",
    "Manager",
    "Analyst",
    "Sales Rep",
    "Director",
    "Consultant",
    "Designer",
    "VP Sales",
    "Accountant",
    "CEO",
    "CTO",
    "Buyer",
    "Intern",
    "Head of People",
];
const COUNTRIES: [&str; 20] = [
    "US", "GB", "DE", "FR", "CA", "AU", "NL", "ES", "IT", "SE", "NO", "DK", "FI", "PL", "CH", "AT",
    "BE", "IE", "PT", "NZ",
];
const PHRASES: [&str; 10] = [
    "Called about the invoice",
    "wants a demo",
    "Sent quote #4411",
    "No answer",
    "Renewed for 2 years",
    "Asked for SSO (SAML)",
    "Paid late in March",
    "Prefers e-mail",
    "Has 3 open tickets",
    "VIP",
];

pub fn accounts(seed: u64, rows: usize) -> Sheet {
    let mut draw = Draw::new(seed + 5000);
    let rows = (0..rows).map(|row| account(&mut draw, row)).collect();
    Sheet { heads: HEADS.to_vec(), rows }
}

fn hex(draw: &mut Draw, count: usize) -> String {
    (0..count).map(|_| char::from_digit(draw.below(16) as u32, 16).unwrap_or('0')).collect()
}

fn time(draw: &mut Draw, after: usize) -> String {
    format!("{} {:02}:{:02}:{:02}", day(after), draw.below(24), draw.below(60), draw.below(60))
}

fn maybe(draw: &mut Draw, part: f64, value: String) -> String {
    if draw.chance(part) { value } else { String::new() }
}

fn account(draw: &mut Draw, row: usize) -> Vec<String> {
    let (given, family) = (draw.pick(&GIVEN), draw.pick(&FAMILY));
    let created = 6000 + draw.below(3000);
    let uuid = format!(
        "{}-{}-4{}-a{}-{}",
        hex(draw, 8),
        hex(draw, 4),
        hex(draw, 3),
        hex(draw, 3),
        hex(draw, 12)
    );
    let company =
        format!("{} {}", draw.pick(&FAMILY), draw.pick(&["Ltd", "GmbH", "Inc", "& Sons", "Group"]));
    let seats = 1 + (draw.normal(1.0, 1.2).exp()) as usize;
    let amount = if draw.chance(0.3) { 0.0 } else { seats as f64 * 9.0 };
    let cancelled = day(created + draw.below(800));
    let coupon = format!("REF{}", draw.digits(4));
    let phrase = draw.pick(&PHRASES);
    let parent = draw.below(5000).to_string();
    let login = created + 3 + draw.below(700);
    let trial = day(created + 14);
    vec![
        uuid,
        format!("{}{row}", given.to_lowercase()),
        format!("{given} {family}"),
        skewed(draw, &TITLES).into(),
        company,
        format!("https://www.{}{}.com", family.to_lowercase().replace('\'', ""), draw.below(500)),
        skewed(draw, &COUNTRIES).into(),
        skewed(draw, &["en", "de", "fr", "es", "it", "sv"]).into(),
        skewed(draw, &["free", "starter", "team", "business", "enterprise"]).into(),
        format!("{:.2}", draw.normal(0.0, 200.0)),
        format!("{amount:.2}"),
        format!("{:.1}", draw.normal(12.0, 60.0)),
        (draw.unit().max(1e-9).powf(-0.8) as usize).to_string(),
        format!("{:.4}", draw.unit()),
        format!("{:.5}", draw.normal(40.0, 12.0).clamp(-60.0, 70.0)),
        format!("{:.5}", draw.normal(-20.0, 60.0).clamp(-170.0, 170.0)),
        time(draw, created),
        time(draw, login),
        day(9000 + draw.below(1500)),
        maybe(draw, 0.7, trial),
        maybe(draw, 0.12, cancelled),
        maybe(draw, 0.08, coupon),
        hex(draw, 32),
        skewed(
            draw,
            &["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "America/Los_Angeles"],
        )
        .into(),
        format!(
            "{} {}.{}",
            skewed(draw, &["Chrome", "Firefox", "Safari", "Edge"]),
            80 + draw.below(50),
            draw.below(3)
        ),
        if draw.chance(0.04) { "true" } else { "false" }.into(),
        seats.to_string(),
        (draw.below(64) * 256).to_string(),
        format!("#{}", hex(draw, 6)),
        if draw.chance(0.5) { String::new() } else { format!("{phrase}. {}", draw.pick(&PHRASES)) },
        maybe(draw, 0.2, parent),
        format!("DE{}", 100_000_000 + row * 173),
        (1940 + draw.below(65)).to_string(),
        draw.pick(&["low", "medium", "high", "urgent"]).into(),
        format!("{}.{}.{}", 1 + draw.below(3), draw.below(10), draw.below(20)),
        format!("{}{}", draw.pick(&["A", "B", "C"]), 1 + draw.below(4)),
    ]
}
