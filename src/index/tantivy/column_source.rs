//! Opens the columns of a segment by name, through a segment reader of tantivy or from the column file itself.
//!
//! The second way works if other files of the segment are damaged.

use std::io;

use tantivy::TantivyError;
use tantivy::columnar::{BytesColumn, Column, ColumnarReader, DynamicColumn, StrColumn};
use tantivy::fastfield::FastFieldReaders;

use super::columns::read_error;
use crate::index::IndexError;

/// Opens columns. `None` if the segment has no column of this name and type.
pub(super) trait ColumnSource {
    fn numbers(&self, name: &str) -> Result<Option<Column<u64>>, IndexError>;
    fn times(&self, name: &str) -> Result<Option<Column<i64>>, IndexError>;
    fn texts(&self, name: &str) -> Result<Option<StrColumn>, IndexError>;
    fn bytes(&self, name: &str) -> Result<Option<BytesColumn>, IndexError>;
}

impl ColumnSource for FastFieldReaders {
    fn numbers(&self, name: &str) -> Result<Option<Column<u64>>, IndexError> {
        self.column_opt(name).map_err(read_error())
    }

    fn times(&self, name: &str) -> Result<Option<Column<i64>>, IndexError> {
        self.column_opt(name).map_err(read_error())
    }

    fn texts(&self, name: &str) -> Result<Option<StrColumn>, IndexError> {
        self.str(name).map_err(read_error())
    }

    fn bytes(&self, name: &str) -> Result<Option<BytesColumn>, IndexError> {
        FastFieldReaders::bytes(self, name).map_err(read_error())
    }
}

impl ColumnSource for ColumnarReader {
    fn numbers(&self, name: &str) -> Result<Option<Column<u64>>, IndexError> {
        find(self, name, |column| match column {
            DynamicColumn::U64(column) => Some(column),
            _ => None,
        })
    }

    fn times(&self, name: &str) -> Result<Option<Column<i64>>, IndexError> {
        find(self, name, |column| match column {
            DynamicColumn::I64(column) => Some(column),
            _ => None,
        })
    }

    fn texts(&self, name: &str) -> Result<Option<StrColumn>, IndexError> {
        find(self, name, |column| match column {
            DynamicColumn::Str(column) => Some(column),
            _ => None,
        })
    }

    fn bytes(&self, name: &str) -> Result<Option<BytesColumn>, IndexError> {
        find(self, name, |column| match column {
            DynamicColumn::Bytes(column) => Some(column),
            _ => None,
        })
    }
}

/// Opens the first column of the name that `choose` accepts.
fn find<T>(
    columns: &ColumnarReader,
    name: &str,
    choose: impl Fn(DynamicColumn) -> Option<T>,
) -> Result<Option<T>, IndexError> {
    let open = || -> io::Result<Option<T>> {
        for handle in columns.read_columns(name)? {
            if let Some(column) = choose(handle.open()?) {
                return Ok(Some(column));
            }
        }
        Ok(None)
    };
    open().map_err(TantivyError::from).map_err(read_error())
}
