//! Sound orders of a shop.

use crate::Sheet;
use crate::draw::{Draw, FAMILY, GIVEN, PLACES, day};

const HEADS: [&str; 34] = [
    "order_id",
    "order_number",
    "customer_id",
    "customer_name",
    "email",
    "phone",
    "street",
    "city",
    "state",
    "zip_code",
    "country",
    "product_name",
    "category",
    "sku",
    "ean",
    "quantity",
    "unit_price",
    "subtotal",
    "tax_amount",
    "shipping_cost",
    "total_amount",
    "discount_percent",
    "currency",
    "status",
    "payment_method",
    "order_date",
    "ship_date",
    "delivery_date",
    "coupon_code",
    "is_gift",
    "rating",
    "review",
    "ip_address",
    "visits",
];

const PRODUCTS: [(&str, &str); 12] = [
    ("Desk Lamp", "Home"),
    ("Office Chair", "Home"),
    ("Laptop Stand", "Electronics"),
    ("USB Cable", "Electronics"),
    ("Wireless Mouse", "Electronics"),
    ("Yoga Mat", "Sports"),
    ("Running Shoes", "Sports"),
    ("Water Bottle", "Sports"),
    ("Cook Book", "Books"),
    ("City Guide", "Books"),
    ("Rain Jacket", "Clothing"),
    ("Wool Scarf", "Clothing"),
];

const WORDS: [&str; 16] = [
    "good", "the", "parcel", "came", "late", "but", "works", "well", "quality", "is", "fine",
    "would", "buy", "again", "colour", "nice",
];

pub fn orders(seed: u64, rows: usize) -> Sheet {
    let mut draw = Draw::new(seed);
    let rows = (0..rows).map(|row| order(&mut draw, row)).collect();
    Sheet { heads: HEADS.to_vec(), rows }
}

fn ean(draw: &mut Draw) -> String {
    let body = format!("400{}", draw.digits(9));
    let sum: u32 = body
        .bytes()
        .zip([1, 3].iter().cycle())
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn review(draw: &mut Draw) -> String {
    if draw.chance(0.4) {
        return String::new();
    }
    let count = 4 + draw.below(12);
    (0..count).map(|_| draw.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

/// A name in small letters alone.
fn letters(name: &str) -> String {
    name.to_lowercase().replace('\'', "")
}

fn phone(draw: &mut Draw) -> String {
    let area = draw.pick(&["617", "212", "312", "713"]);
    format!("({area}) {}-{}", 220 + draw.below(700), draw.digits(4))
}

fn street(draw: &mut Draw) -> String {
    let name = draw.pick(&["Oak", "Main", "Cedar", "Lake"]);
    format!("{} {name} {}", 1 + draw.below(9900), draw.pick(&["St", "Ave", "Rd"]))
}

fn coupon(draw: &mut Draw) -> String {
    if draw.chance(0.9) { String::new() } else { draw.pick(&["SAVE10", "SPRING"]).into() }
}

fn order(draw: &mut Draw, row: usize) -> Vec<String> {
    let (given, family) = (draw.pick(&GIVEN), draw.pick(&FAMILY));
    let (city, state, prefix) = draw.pick(&PLACES);
    let (product, category) = draw.pick(&PRODUCTS);
    let quantity = 1 + draw.below(9);
    let price = (draw.normal(3.2, 0.8).exp() * 100.0).round() / 100.0 + 0.5;
    let subtotal = quantity as f64 * price;
    let tax = (subtotal * 8.0).round() / 100.0;
    let shipping = draw.pick(&[0.0, 4.99, 7.99, 12.5]);
    let status =
        draw.pick(&["pending", "shipped", "delivered", "cancelled", "delivered", "shipped"]);
    let ordered = 8000 + draw.below(1500);
    let is_shipped = matches!(status, "shipped" | "delivered");
    let shipped = ordered + 1 + draw.below(6);
    let delivered = shipped + 1 + draw.below(9);
    let discount = draw.pick(&["0", "5", "10", "15", "20"]);
    let rating = if draw.chance(0.35) { String::new() } else { (1 + draw.below(5)).to_string() };
    let coupon = coupon(draw);
    vec![
        (row + 1).to_string(),
        format!("ORD-{:06}", 100_000 + row),
        (1 + draw.below(900)).to_string(),
        format!("{given} {family}"),
        format!("{}.{}{row}@example.com", given.to_lowercase(), letters(family)),
        phone(draw),
        street(draw),
        city.into(),
        state.into(),
        format!("{prefix}{}", draw.digits(2)),
        "US".into(),
        product.into(),
        category.into(),
        format!("{}-{}", &category.to_uppercase()[..2], draw.digits(4)),
        ean(draw),
        quantity.to_string(),
        format!("{price:.2}"),
        format!("{subtotal:.2}"),
        format!("{tax:.2}"),
        format!("{shipping:.2}"),
        format!("{:.2}", subtotal + tax + shipping),
        discount.into(),
        draw.pick(&["USD", "USD", "USD", "EUR", "GBP"]).into(),
        status.into(),
        draw.pick(&["credit_card", "paypal", "bank_transfer", "gift_card"]).into(),
        day(ordered),
        if is_shipped { day(shipped) } else { String::new() },
        if status == "delivered" { day(delivered) } else { String::new() },
        coupon,
        draw.pick(&["true", "false"]).into(),
        rating,
        review(draw),
        format!(
            "{}.{}.{}.{}",
            1 + draw.below(220),
            draw.below(255),
            draw.below(255),
            draw.below(255)
        ),
        (-draw.unit().max(1e-9).ln() * 12.0).round().to_string(),
    ]
}
