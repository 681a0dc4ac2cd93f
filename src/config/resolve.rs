//! From what is written of one Source to the Source.

use std::path::Path;

use crate::config::error::InvalidValue;
use crate::config::file::{EndpointOrderFile, EventsFile, RulesFile, SourceFile};
use crate::config::{credentials, validate};
use crate::core::source::{Credentials, EndpointOrder, Events, Rules, Source, address, aws_host};

/// Resolves a Source; paths are relative to `folder`.
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

fn base_url(written: Option<&str>, subdomain: &str) -> Result<String, InvalidValue> {
    let template = written.unwrap_or(address::DEFAULT_BASE_URL);
    let url = address::base_url(template, subdomain);
    if url.contains(['{', '}']) {
        let problem = "the only word that is put in is {subdomain}; write an address such as \
                       \"https://{subdomain}.example.com\"";
        return Err(InvalidValue::text("base_url", template, problem));
    }
    validate::http_url("base_url", &url, address::DEFAULT_BASE_URL).map_err(|bad| InvalidValue {
        value: bad.value.map(|_| format!("{template:?}")),
        ..bad
    })
}

fn rules(file: RulesFile) -> Result<Rules, InvalidValue> {
    Rules::new(file.include, file.exclude, file.case_insensitive).map_err(|error| InvalidValue {
        key: format!("rules.{}", error.key),
        value: Some(error.value),
        problem: error.problem,
    })
}

/// Where nothing is said of the queue's credentials they are the Source's `own`, unless one of the two is AWS's
/// and the other is not, who would not know them.
fn events(
    file: EventsFile,
    own: &Credentials,
    store: Option<&str>,
    folder: &Path,
) -> Result<Events, InvalidValue> {
    let is_of_aws = |url: &str| aws_host::name(url).is_some();
    let are_together = store.is_none_or(is_of_aws) == is_of_aws(&file.queue_url);
    let example = "https://sqs.eu-central-1.amazonaws.com/123456789012/photos";
    let region = file.region.as_deref();
    region.map_or(Ok(()), |region| validate::region("events.region", region))?;
    Ok(Events {
        queue_url: validate::http_url("events.queue_url", &file.queue_url, example)?,
        credentials: match file.credentials {
            None if are_together => own.clone(),
            written => credentials::resolve(written, folder).map_err(|bad| bad.below("events"))?,
        },
        region: file.region,
    })
}

fn check_endpoint_order(source: &Source) -> Result<(), InvalidValue> {
    let region = source.region.as_deref();
    let problem = if source.endpoint_order == EndpointOrder::Standard {
        return Ok(());
    } else if source.endpoint_url.is_some() {
        "it is about addresses of AWS; remove it, or remove `endpoint_url`"
    } else if region.is_some_and(|region| region != "us-east-1") {
        "it is for buckets in us-east-1 only; remove it, or write region = \"us-east-1\""
    } else {
        return Ok(());
    };
    Err(InvalidValue::text(
        "endpoint_order",
        "external-first",
        problem,
    ))
}
