//! Validates a Source as written and resolves it to a [`Source`].

use std::path::Path;

use crate::config::error::InvalidValue;
use crate::config::file::{EndpointOrderFile, EventsFile, RulesFile, SourceFile};
use crate::config::{credentials, validate};
use crate::core::source::{Credentials, EndpointOrder, Events, Rules, Source, address, aws_host};

/// Resolves a Source. Paths are relative to `folder`.
pub(super) fn source(file: SourceFile, folder: &Path) -> Result<Source, InvalidValue> {
    validate::name(&file.name)?;
    validate::bucket(&file.bucket)?;
    validate::subdomain(&file.subdomain)?;
    let region = file.region.as_deref();
    region.map_or(Ok(()), |region| validate::region("region", region))?;
    let owner = file.expected_bucket_owner.as_deref();
    owner.map_or(Ok(()), |owner| {
        validate::account("expected_bucket_owner", owner)
    })?;
    let store = file.endpoint_url.as_deref();
    let endpoint_url =
        store.map(|url| validate::http_url("endpoint_url", url, "https://s3.example.com"));
    let own = credentials::resolve(file.credentials, folder)?;
    let source = Source {
        prefix: validate::prefix(&file.prefix)?,
        endpoint_url: endpoint_url.transpose()?,
        base_url: base_url(file.base_url.as_deref(), &file.subdomain)?,
        rules: rules(file.rules)?,
        events: file
            .events
            .map(|events_file| events(events_file, &own, store, folder))
            .transpose()?,
        credentials: own,
        endpoint_order: match file.endpoint_order {
            EndpointOrderFile::Standard => EndpointOrder::Standard,
            EndpointOrderFile::ExternalFirst => EndpointOrder::ExternalFirst,
        },
        enabled: file.enabled,
        region: file.region,
        path_style: file.path_style,
        folder_markers: file.folder_markers,
        expected_bucket_owner: file.expected_bucket_owner,
        request_payer: file.request_payer,
        ..Source::new(file.name, file.bucket, file.subdomain)
    };
    check_endpoint_order(&source)?;
    Ok(source)
}

fn base_url(value: Option<&str>, subdomain: &str) -> Result<String, InvalidValue> {
    let template = value.unwrap_or(address::DEFAULT_BASE_URL);
    let url = address::base_url(template, subdomain);
    if url.contains(['{', '}']) {
        let problem = "{subdomain} is the only placeholder; set a URL such as \
                       \"https://{subdomain}.example.com\"";
        return Err(InvalidValue::text("base_url", template, problem));
    }
    validate::http_url("base_url", &url, address::DEFAULT_BASE_URL).map_err(|error| InvalidValue {
        value: error.value.map(|_| format!("{template:?}")),
        ..error
    })
}

fn rules(file: RulesFile) -> Result<Rules, InvalidValue> {
    Rules::new(file.include, file.exclude, file.case_insensitive).map_err(|error| InvalidValue {
        key: format!("rules.{}", error.key),
        value: Some(error.value),
        problem: error.problem,
    })
}

/// Resolves `events`. `own` are the credentials of the Source. A queue without credentials uses them, but only
/// if bucket and queue are both on AWS or both not on AWS: credentials for one are not valid for the other.
fn events(
    file: EventsFile,
    own: &Credentials,
    store: Option<&str>,
    folder: &Path,
) -> Result<Events, InvalidValue> {
    let is_on_aws = |url: &str| aws_host::name(url).is_some();
    let share_credentials = store.is_none_or(is_on_aws) == is_on_aws(&file.queue_url);
    let example = "https://sqs.eu-central-1.amazonaws.com/123456789012/photos";
    let region = file.region.as_deref();
    region.map_or(Ok(()), |region| validate::region("events.region", region))?;
    Ok(Events {
        queue_url: validate::http_url("events.queue_url", &file.queue_url, example)?,
        credentials: match file.credentials {
            None if share_credentials => own.clone(),
            value => credentials::resolve(value, folder).map_err(|error| error.below("events"))?,
        },
        region: file.region,
    })
}

fn check_endpoint_order(source: &Source) -> Result<(), InvalidValue> {
    let region = source.region.as_deref();
    let problem = if source.endpoint_order == EndpointOrder::Standard {
        return Ok(());
    } else if source.endpoint_url.is_some() {
        "applies only to AWS endpoints; remove it, or remove `endpoint_url`"
    } else if region.is_some_and(|region| region != "us-east-1") {
        "works only for buckets in us-east-1; remove it, or set region = \"us-east-1\""
    } else {
        return Ok(());
    };
    Err(InvalidValue::text(
        "endpoint_order",
        "external-first",
        problem,
    ))
}
