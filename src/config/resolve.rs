//! Validates a Source as written and resolves it to a [`Source`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::asset_urls::AssetUrls;
use crate::config::error::{InvalidValue, InvalidValues};
use crate::config::file::{EndpointOrderFile, EventsFile, RulesFile, SourceFile, WholeNumber};
use crate::config::{credentials, validate};
use crate::core::source::{
    Credentials, EndpointOrder, Events, KeyPlaces, Rules, Source, SourceLimits, aws_host, queue_url,
};

/// What the values of a Source depend on besides the Source itself.
#[derive(Clone, Copy)]
pub(super) struct SourceContext<'a> {
    /// The folder that paths are relative to.
    pub folder: &'a Path,
    /// The keys that seal the secrets of a managed Source. `None` if the Source is configured in a file.
    pub keys: Option<&'a KeyPlaces>,
    /// The limits of a managed Source.
    pub limits: Option<&'a Arc<SourceLimits>>,
}

/// Resolves a Source. The result is valid if nothing was added to `invalid`.
pub(super) fn source(
    file: SourceFile,
    context: SourceContext<'_>,
    invalid: &mut InvalidValues,
) -> Source {
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
    // A wrong subdomain would also make these URLs wrong, and the user can only correct it once.
    let usable_subdomain = subdomain
        .as_deref()
        .filter(|it| validate::subdomain(it).is_ok());
    let asset_urls = AssetUrls {
        subdomain: usable_subdomain.unwrap_or("subdomain"),
        is_managed: context.keys.is_some(),
    };
    let base_url = invalid.accept(asset_urls.base(file.base_url.as_deref()));
    let written_base = file.base_url.as_ref().map(|_| base_url.as_str());
    let thumbnail = asset_urls.thumbnail(file.thumbnail_url.as_deref(), written_base);
    let thumbnail_url = invalid.accept(thumbnail);
    let [name, bucket, subdomain] = [name, bucket, subdomain].map(Option::unwrap_or_default);
    let store = file.endpoint_url.as_deref();
    let endpoint_url =
        store.map(|url| validate::http_url("endpoint_url", url, "https://s3.example.com"));
    let secrets = credentials::SecretContext {
        folder: context.folder,
        keys: context.keys,
        source: &name,
        above: "",
    };
    let own = invalid.accept(credentials::resolve(file.credentials, secrets));
    let source = Source {
        prefix: invalid.accept(validate::prefix(&file.prefix)),
        endpoint_url: invalid.accept(endpoint_url.transpose()),
        base_url,
        thumbnail_url,
        annotation: invalid.accept(validate::annotation(file.annotation)),
        reconcile_every: invalid.accept(reconcile_every(file.reconcile_every_minutes)),
        rules: rules(file.rules, invalid),
        events: file
            .events
            .map(|written| events(written, &own, store, secrets, invalid)),
        credentials: own,
        endpoint_order: match file.endpoint_order {
            EndpointOrderFile::Standard => EndpointOrder::Standard,
            EndpointOrderFile::ExternalFirst => EndpointOrder::ExternalFirst,
        },
        enabled: file.enabled,
        is_managed: context.keys.is_some(),
        limits: context.limits.cloned(),
        region: file.region,
        path_style: file.path_style,
        folder_markers: file.folder_markers,
        expected_bucket_owner: file.expected_bucket_owner,
        request_payer: file.request_payer,
        ..Source::new(name.clone(), bucket, subdomain.clone())
    };
    invalid.accept(check_endpoint_order(&source));
    invalid.accept(check_events_of_alias(&source));
    source
}

fn reconcile_every(written: Option<WholeNumber>) -> Result<Option<Duration>, InvalidValue> {
    let checked =
        written.map(|written| validate::scan_interval("reconcile_every_minutes", Some(written)));
    checked.transpose()
}

fn rules(file: RulesFile, invalid: &mut InvalidValues) -> Rules {
    Rules::new(file.include, file.exclude, file.case_insensitive).unwrap_or_else(|errors| {
        invalid
            .0
            .extend(errors.into_iter().map(|error| InvalidValue {
                key: format!("rules.{}", error.key),
                value: Some(error.value),
                problem: error.problem,
            }));
        Rules::default()
    })
}

/// Resolves `events`. `own` are the credentials of the Source. A queue without credentials uses them, but only
/// if bucket and queue are both on AWS or both not on AWS: credentials for one are not valid for the other.
fn events(
    file: EventsFile,
    own: &Credentials,
    store: Option<&str>,
    secrets: credentials::SecretContext<'_>,
    invalid: &mut InvalidValues,
) -> Events {
    let example = "https://sqs.eu-central-1.amazonaws.com/123456789012/photos";
    let what = format!("the URL of the queue, such as {example:?}");
    let queue_url = invalid.require("events.queue_url", file.queue_url, &what);
    let is_on_aws = |url: &str| aws_host::name(url).is_some();
    // A host of AWS that is no endpoint of SQS, such as a virtual machine, belongs to one of its customers.
    let is_queue_of_aws = |url: &str| queue_url::region(url).is_some();
    let on_aws = queue_url.as_deref().is_some_and(is_queue_of_aws);
    // If the queue is not known, nothing is wrong with its credentials either.
    let is_unknown = queue_url.is_none();
    let share_credentials = is_unknown || store.is_none_or(is_on_aws) == on_aws;
    let region = file.region.as_deref();
    let region = region.map_or(Ok(()), |region| validate::region("events.region", region));
    invalid.accept(region);
    let queue_url = queue_url.map(|url| match queue_url::of_arn(&url) {
        Some(example) => {
            let problem =
                format!("this is the ARN of a queue; set its URL. On AWS it is {example:?}");
            Err(InvalidValue::text("events.queue_url", &url, problem))
        }
        None => validate::queue_url(&url, example),
    });
    Events {
        queue_url: invalid.accept(queue_url.unwrap_or(Ok(String::new()))),
        credentials: match file.credentials {
            None if share_credentials => own.clone(),
            written => {
                let secrets = credentials::SecretContext {
                    above: "events.",
                    ..secrets
                };
                let resolved = credentials::resolve(written, secrets);
                invalid.accept(resolved.map_err(|error| error.below("events")))
            }
        },
        region: file.region,
    }
}

/// Refuses events of an access point: they name the bucket, so none of them would match the Source.
fn check_events_of_alias(source: &Source) -> Result<(), InvalidValue> {
    if source.events.is_none() || !source.is_access_point() {
        return Ok(());
    }
    let problem = "this is the alias of an access point, but events name the bucket itself, so none of them would match; \
                   set the name of the bucket, or remove `events`";
    Err(InvalidValue::text("bucket", &source.bucket, problem))
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
