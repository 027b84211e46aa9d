//! What stands around every chart.

/// The words.
pub struct Words {
    /// Shows the numbers as a table.
    pub table: &'static str,
    /// The same, short.
    pub table_short: &'static str,
    /// Saves as a kind of file.
    pub save: fn(&str) -> String,
}

/// English.
pub const ENGLISH: Words = Words {
    table: "Show as a table",
    table_short: "table",
    save: |kind| format!("Save as {}", kind.to_uppercase()),
};

/// Chinese.
pub const CHINESE: Words = Words {
    table: "以表格显示",
    table_short: "表格",
    save: |kind| format!("保存为 {}", kind.to_uppercase()),
};
