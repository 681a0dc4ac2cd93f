//! What an asset is, by its extension: its type and its content type.
//!
//! Nobody looks into the object: a file whose extension lies is what its extension says.

use serde::Serialize;

/// The type of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pictures, vector graphics included.
    Image,
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Text, tables, presentations, PDF.
    Document,
    /// Packed files.
    Archive,
    /// Typefaces.
    Font,
    /// Three-dimensional models.
    #[serde(rename = "3d")]
    ThreeD,
    /// Everything else, and what has no extension.
    Other,
}
