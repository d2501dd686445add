//! Tables for people: columns as wide as their widest cell, and nothing in a cell that a terminal would obey.

/// Lines of a table; the last column is not padded.
pub fn lines(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(header.to_vec())).chain(body).collect()
}

/// Much of what is shown came from nodes: control characters stay out of the operator's terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_reaches_the_terminal() {
        let rows =
            vec![vec!["a".to_owned(), "\u{1b}[31mred".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(lines(&["ID", "TEXT"], &rows), ["ID    TEXT", "a     ?[31mred", "long"]);
    }
}
