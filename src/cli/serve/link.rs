//! Prints the one-time link of `serve`: with it, the web page may set up Sources.

use crate::cli::text::say;
use crate::config::{Listen, ServeConfig};
use crate::serve::http::page_link::{self, LinkError, PageLinks};

/// Fails unless a browser can open the page that is configured.
pub(super) fn require_page(config: &ServeConfig) -> Result<(), LinkError> {
    match &config.listen {
        Some(Listen::Tcp(_)) => Ok(()),
        _ => Err(LinkError::NoPage),
    }
}

/// Prints a link.
pub(super) fn print(links: &PageLinks) -> Result<(), LinkError> {
    let link = links.make()?;
    say!("{}\n    {link}", page_link::advice());
    Ok(())
}
