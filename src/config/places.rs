//! Where the keys of a configuration file are, by their path, such as `scan.attempts` or `source[0].rules`.

use std::collections::HashMap;

use toml::de::{DeTable, DeValue};

/// The lines of the keys of one file, and the keys that are left out because of a mistake.
#[derive(Debug)]
pub(super) struct Places {
    /// The offsets at which the lines end, in bytes.
    line_ends: Vec<usize>,
    /// The offset of each key.
    offsets: HashMap<String, usize>,
    left_out: Vec<String>,
    /// The first line that is not TOML.
    end: Option<usize>,
}

impl Places {
    /// The places of all keys of `table`, which was parsed from `text`.
    pub(super) fn new(text: &str, table: &DeTable<'_>) -> Self {
        let bytes = text.bytes().enumerate();
        let line_ends = bytes.filter(|&(_, byte)| byte == b'\n');
        let mut places = Self {
            line_ends: line_ends.map(|(offset, _)| offset).collect(),
            offsets: HashMap::new(),
            left_out: Vec::new(),
            end: None,
        };
        places.add_table(table, "");
        places
    }

    fn add_table(&mut self, table: &DeTable<'_>, path: &str) {
        for (key, value) in table {
            let path = Self::below(path, key.get_ref());
            self.offsets.insert(path.clone(), key.span().start);
            self.add(value.get_ref(), &path);
        }
    }

    fn add(&mut self, value: &DeValue<'_>, path: &str) {
        match value {
            DeValue::Table(table) => self.add_table(table, path),
            DeValue::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    let path = Self::item(path, index);
                    self.offsets.insert(path.clone(), value.span().start);
                    self.add(value.get_ref(), &path);
                }
            }
            _ => {}
        }
    }

    /// The path of a key in the table `above`, which is empty for the whole file.
    pub(super) fn below(above: &str, key: &str) -> String {
        if above.is_empty() {
            key.to_owned()
        } else {
            format!("{above}.{key}")
        }
    }

    /// The path of an item of a list.
    pub(super) fn item(list: &str, index: usize) -> String {
        format!("{list}[{index}]")
    }

    /// Remembers that this key is left out.
    pub(super) fn leave_out(&mut self, path: String) {
        self.left_out.push(path);
    }

    /// Remembers that this line is not TOML.
    pub(super) fn end_before(&mut self, line: usize) {
        self.end = Some(line);
    }

    /// Whether the line can be trusted to mean what it seems to mean.
    pub(super) fn is_before_end(&self, line: usize) -> bool {
        self.end.is_none_or(|end| line < end)
    }

    /// Whether something that is missing may be in lines that are not TOML.
    pub(super) fn is_incomplete(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the key is left out, or contains a key that is, or is in one that is.
    pub(super) fn is_left_out(&self, path: &str) -> bool {
        let is_in = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let mut left_out = self.left_out.iter();
        left_out.any(|other| is_in(path, other) || is_in(other, path))
    }

    /// The line of the key, or of the innermost table around it that the file has. Counted from 1.
    pub(super) fn line_of(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(&offset) = self.offsets.get(path) {
                return self.line_at(offset);
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return 1,
            }
        }
    }

    /// The line of the byte at this offset, counted from 1.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        1 + self.line_ends.partition_point(|&end| end < offset)
    }
}
