//! Numbers as people read them.

/// A size in bytes: `31.4 KB` (1 KB is 1,000 bytes).
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} KB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
}

/// A count with a comma between thousands: `4,608`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in short: `78 k`, `12.5 M`.
pub fn short(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..10_000 => format!("{:.1} k", count as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} k", count as f64 / 1e3),
        _ => format!("{:.1} M", count as f64 / 1e6),
    }
}

/// A share as percent: `0.2 %`, `47 %`.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// Decibels: `14.2`; ∞ without noise.
pub fn decibels(db: f64) -> String {
    if db.is_infinite() { if db > 0.0 { "∞".into() } else { "−∞".into() } } else { signed(db, 1) }
}

/// A number with a true minus sign.
pub fn signed(value: f64, digits: usize) -> String {
    let text = format!("{:.*}", digits, value.abs());
    let is_zero = text.bytes().all(|b| b == b'0' || b == b'.');
    if value < 0.0 && !is_zero { format!("−{text}") } else { text }
}

/// Four significant digits, in powers of ten where that is shorter: `0.01234`, `1.2e−7`.
pub fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !value.is_finite() {
        value.to_string()
    } else if (1e-4..1e5).contains(&magnitude) {
        let digits = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
        signed(value, digits)
    } else {
        format!("{value:.2e}").replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(31_400), "31.4 KB");
        assert_eq!(bytes(4_328_521_728), "4.33 GB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(short(77_754), "78 k");
        assert_eq!(percent(0.0021), "0.2 %");
        assert_eq!(decibels(f64::INFINITY), "∞");
        assert_eq!(signed(-0.04, 1), "0.0");
        assert_eq!(significant(-0.012_344), "−0.01234");
    }
}
