//! Tests the endpoints that the environment configures: variables, and the `services` section of a profile.

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::fixture::SOURCE;
use crate::live_fixture::wait_for_keys;
use crate::proxy::Proxy;
use crate::s3::Bucket;
use crate::server;
use crate::sqs::Sqs;

/// An endpoint that refuses connections.
const CLOSED: &str = "http://127.0.0.1:1";

/// The binary with a Source whose configuration names no endpoint.
fn without_endpoint(bucket: &Bucket, queue_url: Option<String>) -> Cli {
    let source = Source {
        queue_url,
        ..Source::of(SOURCE, bucket, CLOSED.to_owned())
    };
    let cli = Cli::new(&Config::of([]));
    let mut config = Config::of([source]);
    config.attempts = 1;
    let toml = config.to_toml(&cli.data_dir());
    let line = format!("endpoint_url = \"{CLOSED}\"\n");
    assert!(toml.contains(&line), "{toml}");
    cli.configure_with(&toml.replace(&line, ""));
    cli
}

/// Writes a profile whose `services` section names this endpoint for S3 and SQS.
fn set_profile(cli: &mut Cli, endpoint: &str) {
    let file = cli.folder().join("aws-config");
    let services = ["s3", "sqs"].map(|name| format!("{name} =\n  endpoint_url = {endpoint}\n"));
    let text = format!(
        "[default]\nservices = ours\n[services ours]\n{}",
        services.concat()
    );
    std::fs::write(&file, text).unwrap();
    cli.set_environment("AWS_CONFIG_FILE", file.to_str().unwrap());
}

/// The URL on AWS of a queue with this name.
fn on_aws(queue: &Sqs) -> String {
    let name = queue.url.rsplit('/').next().unwrap();
    format!("https://sqs.us-east-1.amazonaws.com/000000000000/{name}")
}

#[test]
fn requests_to_s3_go_to_the_endpoint_of_the_environment() {
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(["a", "b"]);
    for variable in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "profile"] {
        let proxy = Proxy::start(server::shared().address());
        let mut cli = without_endpoint(&bucket, None);
        match variable {
            "profile" => set_profile(&mut cli, &proxy.endpoint()),
            _ => cli.set_environment(variable, &proxy.endpoint()),
        }
        cli.reindex();
        cli.assert_mirrors(SOURCE, &bucket);
        assert!(!proxy.lists().is_empty(), "{variable}");
    }
}

#[test]
fn configuration_wins_over_the_endpoint_of_the_environment() {
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(["a", "b"]);
    let source = Source::of(SOURCE, &bucket, server::shared().endpoint());
    let mut cli = Cli::new(&Config::of([source]));
    cli.set_environment("AWS_ENDPOINT_URL_S3", CLOSED);
    cli.set_environment("AWS_ENDPOINT_URL", CLOSED);
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
}

#[test]
fn events_come_from_the_endpoint_of_the_environment() {
    let server = server::shared();
    for variable in ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL", "profile"] {
        let (bucket, queue) = (Bucket::create(server), Sqs::create(server));
        bucket.notify(&queue.arn());
        let proxy = Proxy::start(server.address());
        let mut cli = without_endpoint(&bucket, Some(on_aws(&queue)));
        match variable {
            "profile" => set_profile(&mut cli, &proxy.endpoint()),
            "AWS_ENDPOINT_URL_SQS" => {
                cli.set_environment("AWS_ENDPOINT_URL_S3", &server.endpoint());
                cli.set_environment(variable, &proxy.endpoint());
            }
            _ => cli.set_environment(variable, &proxy.endpoint()),
        }
        let daemon = cli.serve();
        daemon.wait_for(&["scan completed"]);
        bucket.put("new", "x");
        wait_for_keys(&cli, SOURCE, &["new"]);
        daemon.terminate();
        let requests = proxy.requests();
        let mut operations = requests.iter().filter_map(|it| it.operation.as_deref());
        assert!(operations.any(|it| it == "ReceiveMessage"), "{variable}");
    }
}

#[test]
fn queue_url_of_another_server_wins_over_the_environment() {
    let server = server::shared();
    let (bucket, queue) = (Bucket::create(server), Sqs::create(server));
    let mut cli = without_endpoint(&bucket, Some(queue.url.clone()));
    cli.set_environment("AWS_ENDPOINT_URL_S3", &server.endpoint());
    cli.set_environment("AWS_ENDPOINT_URL_SQS", CLOSED);
    let output = cli.run(&["check"]);
    assert!(!output.stdout.contains(CLOSED), "{output:#?}");
}

#[test]
fn errors_name_the_endpoint_of_the_environment() {
    let server = server::shared();
    let (bucket, queue) = (Bucket::create(server), Sqs::create(server));
    let mut cli = without_endpoint(&bucket, Some(on_aws(&queue)));
    cli.set_environment("AWS_ENDPOINT_URL_S3", CLOSED);
    cli.fail(&["reindex"], &[&bucket.name, CLOSED]);
    cli.set_environment("AWS_ENDPOINT_URL_S3", &server.endpoint());
    cli.set_environment("AWS_ENDPOINT_URL_SQS", CLOSED);
    let output = cli.run(&["check"]);
    assert!(!output.status.success(), "{output:#?}");
    let named = format!("{} at {CLOSED}", on_aws(&queue));
    assert!(output.stdout.contains(&named), "{output:#?}");
}

#[test]
fn endpoint_that_is_not_a_url_is_refused_at_once() {
    let server = server::shared();
    let (bucket, queue) = (Bucket::create(server), Sqs::create(server));
    let mut cli = without_endpoint(&bucket, Some(on_aws(&queue)));
    cli.set_environment("AWS_ENDPOINT_URL_S3", "localhost:9000");
    let words = [
        "AWS_ENDPOINT_URL_S3",
        "\"localhost:9000\"",
        "https://",
        "no usable endpoint",
        "Set the endpoint to a URL",
    ];
    cli.fail(&["reindex"], &words);
    // Errors and logs print endpoints.
    cli.set_environment("AWS_ENDPOINT_URL_S3", "http://user:hidden@127.0.0.1:1");
    let output = cli.fail(&["reindex"], &["AWS_ENDPOINT_URL_S3", "a password"]);
    assert!(!output.stderr.contains("hidden"), "{output:#?}");
    cli.set_environment("AWS_ENDPOINT_URL_S3", &server.endpoint());
    cli.set_environment("AWS_ENDPOINT_URL_SQS", "localhost:9000");
    let output = cli.run(&["check"]);
    assert!(
        output.stdout.contains("AWS_ENDPOINT_URL_SQS"),
        "{output:#?}"
    );
}
