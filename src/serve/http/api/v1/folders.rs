//! `/v1/folders`: the child folders and the assets of one folder.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;

use crate::core::query::request::MAX_LIMIT;
use crate::core::query::{
    Condition, Folder, FolderPage, PageStart, PlainWords, Position, Query, Request, Sort, SortBy,
    Term, fingerprint, folder_path,
};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::{SearchSource, Source};
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::hits::{self, FIELDS, HitBody, HitFields, PREVIEWS};
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::paging::{self, TotalBody};
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "source",
        value_type: ValueType::RequiredText,
        description: "The name of the Source.",
    },
    ParameterSpec {
        name: "path",
        value_type: ValueType::Text,
        description: "The folder, with or without a `/` at its start and end. The default is the root, `/`. A folder that \
                      does not exist is a 404.",
    },
    ParameterSpec {
        name: "limit",
        value_type: ValueType::Number {
            min: 1,
            max: MAX_LIMIT as u64,
            default: 100,
        },
        description: "Maximum number of folders, and maximum number of assets.",
    },
    ParameterSpec {
        name: "cursor",
        value_type: ValueType::Text,
        description: "`meta.cursor.next` of the previous page. It continues the folders; the assets start from the \
                      first again.",
    },
    PREVIEWS,
    FIELDS,
];

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/folders",
    id: "folders",
    summary: "List the child folders of a folder, and its first assets. meta.assets says how to read the rest.",
    parameters: &[PARAMETERS],
    response_schema: "FolderPage",
    may_be_not_found: true,
    ..ApiOperation::READ
};

const BY_NAME: Sort = Sort::by(SortBy::Name);

const BY_PATH: Sort = Sort::by(SortBy::Path);

/// The response body.
#[derive(Serialize)]
pub(super) struct Body {
    data: FolderBody,
    meta: Meta,
}

#[derive(Serialize)]
struct FolderBody {
    source: String,
    path: String,
    folders: Vec<Folder>,
    assets: Vec<HitBody>,
}

#[derive(Serialize)]
struct Meta {
    cursor: NextBody,
    assets: AssetsMeta,
}

#[derive(Serialize)]
struct NextBody {
    next: Option<String>,
    has_more: bool,
}

#[derive(Serialize)]
struct AssetsMeta {
    total: TotalBody,
    cursor: NextBody,
    /// The query of a search that continues the assets, with `sort=name` and the Source.
    q: String,
}

impl NextBody {
    fn new(next: Option<String>) -> Self {
        Self {
            has_more: next.is_some(),
            next,
        }
    }
}

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    let params = ctx.params(&OPERATION)?;
    let entry = ctx.source(&params)?;
    let source = Arc::clone(&entry.source);
    let path = folder_path(params.text("path").unwrap_or("/"));
    let names = [source.name.as_str()];
    let folders_fingerprint = fingerprint(
        &format!("folders of {path}"),
        PlainWords::Forgiving,
        BY_PATH,
        &names,
    );
    let epoch = Timestamp::from_millis(0);
    let start = paging::page_start(&params, "cursor", folders_fingerprint, BY_PATH, epoch)?;
    let q = assets_query(&path);
    let assets_start = PageStart::first(
        fingerprint(&q, PlainWords::Forgiving, BY_NAME, &names),
        epoch,
    );
    let limit = usize::try_from(params.number("limit")).unwrap_or(MAX_LIMIT);
    let after = start.after().map(|position| position.path.clone());
    let folder = path.clone();
    let search_source = source.enabled.then(|| SearchSource::from(&*source));
    let name = source.name.clone();
    let (FolderPage { folders, more }, page, is_complete) =
        run_search(&ctx.app, move |snapshot, deadline| {
            let folders = match &search_source {
                Some(source) => {
                    snapshot.folders(source, &folder, after.as_deref(), limit, deadline)?
                }
                None => FolderPage::default(),
            };
            let page =
                snapshot.search(&search_source, &assets_request(&folder, limit), deadline)?;
            Ok((
                folders,
                page,
                snapshot.incomplete(&search_source).is_empty(),
            ))
        })
        .await?;
    let is_empty = folders.is_empty() && page.hits.is_empty();
    // A page after the first one can be empty: its folders have gone since.
    if is_empty && path != "/" && start.after().is_none() {
        return Err(no_folder(&source, &path, is_complete));
    }
    let last = folders.last().filter(|_| more).map(|folder| Position {
        values: Vec::new(),
        path: folder.name.clone(),
        source: name.clone(),
        attempt: 0,
        ranking: Vec::new(),
    });
    let assets_next = page.next.map(|position| assets_start.next_cursor(position));
    let assets = hits::bodies(page.hits, &ctx.sources, &HitFields::read(&params)).await;
    Ok(Json(Body {
        meta: Meta {
            cursor: NextBody::new(last.map(|position| start.next_cursor(position))),
            assets: AssetsMeta {
                total: page.total.into(),
                cursor: NextBody::new(assets_next),
                q,
            },
        },
        data: FolderBody {
            source: name,
            path,
            folders,
            assets,
        },
    }))
}

fn no_folder(source: &Source, path: &str, is_complete: bool) -> ApiError {
    let name = &source.name;
    let reason = if !source.enabled {
        "the Source is disabled"
    } else if !is_complete {
        "its first scan is not complete"
    } else {
        "upper and lower case differ; leave out path for the folders at the top"
    };
    let text = format!("there is no folder {path:?} in the Source {name:?}: {reason}");
    ApiError::new(ErrorCode::NotFound, text).for_parameter("path")
}

/// A request for the first assets directly in the folder, by name.
fn assets_request(folder: &str, limit: usize) -> Request {
    let query = Query {
        condition: Condition::Term(Term::DirectlyIn(folder.to_owned())),
    };
    Request {
        sort: BY_NAME,
        limit,
        ..Request::new(query)
    }
}

/// The query text that finds the assets directly in the folder.
fn assets_query(folder: &str) -> String {
    let escaped = folder.replace('\\', "\\\\").replace('"', "\\\"");
    format!("folder:=\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_text_parses_to_the_query_of_the_request() {
        for folder in [
            "/",
            "/a/",
            "/a b/\"c\"/",
            "/\\/",
            "/a:b/(c)/",
            "/ü/-x/",
            "/a*b/",
            "//",
        ] {
            let text = assets_query(folder);
            let parsed = Query::parse(&text, Timestamp::from_millis(0));
            assert_eq!(parsed, Ok(assets_request(folder, 1).query), "{text}");
        }
    }
}
