//! Factors as people write them.

/// A number, or a fraction like 1/255.
///
/// # Errors
/// What is no number.
pub fn parse(text: &str) -> Result<f64, String> {
    let number = |text: &str| {
        text.trim().parse::<f64>().map_err(|_| format!("`{text}` is no number; write 0.5 or 1/255"))
    };
    match text.split_once('/') {
        Some((above, below)) => Ok(number(above)? / number(below)?),
        None => number(text),
    }
}

/// A number, or the fraction that makes bytes lie between 0 and 1.
pub fn text(factor: f64) -> String {
    if factor == 1.0 / 255.0 { "1/255".to_owned() } else { factor.to_string() }
}
