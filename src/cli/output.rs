//! Printing data: JSON lines for programs, aligned text for people.

use std::io::Write;

use serde_json::{Map, Value};

/// Prints one record: as a JSON line, or as `name  value` lines.
///
/// # Errors
/// When the output cannot be written.
pub(super) fn record(json: bool, record: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{record}")?;
        return Ok(());
    }
    let fields = record.as_object().cloned().unwrap_or_default();
    let width = fields.keys().map(String::len).max().unwrap_or_default();
    for (name, value) in &fields {
        writeln!(out, "{name:width$}  {}", plain(value))?;
    }
    Ok(())
}

/// Prints a list: JSON lines, or a table.
///
/// # Errors
/// When the output cannot be written.
pub(super) fn table(json: bool, columns: &[&str], rows: &[Value], when_empty: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        for row in rows {
            writeln!(out, "{row}")?;
        }
        return Ok(());
    }
    if rows.is_empty() {
        writeln!(out, "{when_empty}")?;
        return Ok(());
    }
    let empty = Map::new();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|name| plain(row.as_object().unwrap_or(&empty).get(*name).unwrap_or(&Value::Null))).collect())
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, name)| cells.iter().map(|row| row[index].chars().count()).chain([name.len()]).max().unwrap_or_default())
        .collect();
    let line = |cells: &[String]| {
        cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", line(&columns.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>()))?;
    for row in &cells {
        writeln!(out, "{}", line(row))?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Prints text as it is.
///
/// # Errors
/// When the output cannot be written.
pub(super) fn text(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
