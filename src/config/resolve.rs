//! Validates a Source as written and resolves it to a [`Source`].

use std::path::Path;

use crate::config::error::{InvalidValue, InvalidValues};
use crate::config::file::{EndpointOrderFile, EventsFile, RulesFile, SourceFile};
use crate::config::{credentials, validate};
use crate::core::source::{Credentials, EndpointOrder, Events, Rules, Source, address, aws_host};

/// Resolves a Source. Paths are relative to `folder`. The result is valid if nothing was added to `invalid`.
pub(super) fn source(file: SourceFile, folder: &Path, invalid: &mut InvalidValues) -> Source {
    let name = invalid.require("name", file.name, "a name such as \"photos\"");
    let bucket = invalid.require("bucket", file.bucket, "the name of the bucket");
    let subdomain = invalid.require(
        "subdomain",
        file.subdomain,
        "one DNS label, such as \"photos\" for photos.imgix.net",
    );
    let region = file.region.as_deref();
    let owner = file.expected_bucket_owner.as_deref();
    for checked in [
        name.as_deref().map(validate::name),
        bucket.as_deref().map(validate::bucket),
        subdomain.as_deref().map(validate::subdomain),
        region.map(|region| validate::region("region", region)),
        owner.map(|owner| validate::account("expected_bucket_owner", owner)),
    ] {
        invalid.accept(checked.unwrap_or(Ok(())));
    }
    let [name, bucket, subdomain] = [name, bucket, subdomain].map(Option::unwrap_or_default);
    let store = file.endpoint_url.as_deref();
    let endpoint_url =
        store.map(|url| validate::http_url("endpoint_url", url, "https://s3.example.com"));
    let own = invalid.accept(credentials::resolve(file.credentials, folder));
    let source = Source {
        prefix: invalid.accept(validate::prefix(&file.prefix)),
        endpoint_url: invalid.accept(endpoint_url.transpose()),
        base_url: invalid.accept(base_url(file.base_url.as_deref(), &subdomain)),
        rules: invalid.accept(rules(file.rules)),
        events: file
            .events
            .map(|written| events(written, &own, store, folder, invalid)),
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
        ..Source::new(name, bucket, subdomain)
    };
    invalid.accept(check_endpoint_order(&source));
    source
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
    invalid: &mut InvalidValues,
) -> Events {
    let example = "https://sqs.eu-central-1.amazonaws.com/123456789012/photos";
    let what = format!("the URL of the queue, such as {example:?}");
    let queue_url = invalid.require("events.queue_url", file.queue_url, &what);
    let is_on_aws = |url: &str| aws_host::name(url).is_some();
    let on_aws = queue_url.as_deref().is_some_and(is_on_aws);
    let share_credentials = store.is_none_or(is_on_aws) == on_aws;
    let region = file.region.as_deref();
    let region = region.map_or(Ok(()), |region| validate::region("events.region", region));
    invalid.accept(region);
    let queue_url = queue_url.map(|url| validate::http_url("events.queue_url", &url, example));
    Events {
        queue_url: invalid.accept(queue_url.unwrap_or(Ok(String::new()))),
        credentials: match file.credentials {
            None if share_credentials => own.clone(),
            written => {
                let resolved = credentials::resolve(written, folder);
                invalid.accept(resolved.map_err(|error| error.below("events")))
            }
        },
        region: file.region,
    }
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
