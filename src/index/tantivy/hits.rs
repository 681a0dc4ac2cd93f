//! Builds hits from the columns of documents.
//!
//! The search decides which documents are hits.

use tantivy::DocId;

use super::TantivyEngine;
use super::columns::Columns;
use super::source_scope::SearchedSource;
use crate::core::query::{AssetType, Hit, content_type, extension_of, file_name};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::source::SearchSource;
use crate::index::{Engine, IndexError};

impl TantivyEngine {
    /// Returns the asset with this path, if there is one.
    pub fn asset(&self, source: &SearchSource, path: &str) -> Result<Option<Hit>, IndexError> {
        let searched = self.searched_sources(&[source]).pop();
        let (Some(searched), Some(key)) = (searched, source.key_of(path)) else {
            return Ok(None);
        };
        let record = self.get(searched.id, &[&key])?.pop().flatten();
        Ok(record.and_then(|record| hit_of(source, &key, path, record)))
    }
}

/// Builds the hit of a document. It must be an asset with this path.
pub fn hit(
    searched: &SearchedSource<'_>,
    columns: &Columns,
    doc: DocId,
    path: &str,
) -> Result<Hit, IndexError> {
    let (key, record) = (columns.key(doc)?, columns.record(doc)?);
    hit_of(searched.source, &key, path, record).ok_or_else(|| IndexError::Damaged {
        what: format!("document {doc} matched a search but is a tombstone"),
    })
}

/// Builds the hit of a record. Returns `None` if it is a tombstone.
fn hit_of(source: &SearchSource, key: &str, path: &str, record: Record) -> Option<Hit> {
    let RecordContent::Live { object, first_seen } = record.content else {
        return None;
    };
    let name = file_name(path);
    let ext = extension_of(name).map(str::to_lowercase);
    Some(Hit {
        source: source.name.clone(),
        url: source.asset_url(key),
        key: key.to_owned(),
        path: path.to_owned(),
        name: name.to_owned(),
        asset_type: AssetType::from_extension(ext.as_deref()),
        content_type: content_type(ext.as_deref()),
        ext,
        size: object.size,
        last_modified: object.last_modified,
        first_seen: Some(first_seen),
        etag: object.etag.as_ref().map(|etag| etag.to_text()),
        storage_class: object.storage_class.name().to_owned(),
        highlights: None,
    })
}
