//! Generates clients from the OpenAPI document, compiles them, and runs them against the daemon.
//!
//! The programs that use the clients are in `tests/clients/generated`. A generator may not warn: it would leave
//! something out, or guess a type.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::access::new_token;
use crate::daemon::Daemon;
use crate::fixture::SOURCE;
use crate::http_client::send;
use crate::live_fixture::Live;
use crate::page::modules;

/// The keys. Four of them have the word `cat`.
const KEYS: [&str; 5] = [
    "cat.jpg",
    "black cat.png",
    "cat 2.webp",
    "cat/cat.gif",
    "été/ça va.webp",
];

/// The programs that use the clients.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/generated");

/// Warnings of openapi-generator that change no type: the version of the document, and names that a language
/// reserves.
const HARMLESS: [&str; 2] = ["OpenAPI 3.1 support is still in beta", "cannot be used as"];

/// A daemon with a few assets, and a folder with its document.
struct Service {
    live: Live,
    daemon: Daemon,
    address: String,
    token: String,
}

impl Service {
    fn start() -> Self {
        let mut live = Live::new();
        let keys = KEYS.map(str::to_owned).into_iter();
        let keys = keys.chain((0..7).map(|number| format!("photos/IMG_{number:04}.jpg")));
        live.bucket.put_many(keys.map(|key| (key, vec![b'x'; 7])));
        live.configure(|config| {
            config.listen = "127.0.0.1:0".to_owned();
            config.serve = vec!["tokens = \"tokens\"".to_owned()];
        });
        let token = new_token(&live.cli, "client", &["--all-sources"]);
        let daemon = live.serve();
        let address = daemon.field(&["serving HTTP"], "address");
        let authorization = format!("Authorization: Bearer {token}");
        let document = send(&address, "GET", "/v1/openapi.json", &[&authorization]);
        let service = Self {
            live,
            daemon,
            address,
            token,
        };
        std::fs::write(service.document(), document.body).expect("the folder is ours");
        service
    }

    fn document(&self) -> PathBuf {
        self.folder().join("openapi.json")
    }

    fn folder(&self) -> &Path {
        self.live.cli.folder()
    }

    /// Copies a file of [`PROGRAMS`] next to the client.
    fn copy(&self, file: &str) {
        let copied = std::fs::copy(Path::new(PROGRAMS).join(file), self.folder().join(file));
        copied.expect("the folder is ours");
    }

    /// Generates the folder `client` with openapi-generator.
    fn generate(&self, language: &str, properties: &str, more: &[&str]) {
        let mut command = Command::new("java");
        command.arg("-jar").arg(openapi_generator());
        command.args([
            "generate",
            "-g",
            language,
            "-o",
            "client",
            "-i",
            "openapi.json",
        ]);
        command.args(["--additional-properties", properties]);
        command.args(more);
        let output = self.run(&mut command);
        let warnings = output.lines().filter(|line| line.contains(" WARN "));
        let harmful = |line: &&str| !HARMLESS.iter().any(|it| line.contains(it));
        assert_eq!(warnings.filter(harmful).collect::<Vec<_>>(), [""; 0]);
    }

    /// Runs a command in the folder, and returns its output. It must succeed.
    fn run(&self, command: &mut Command) -> String {
        let output = command.current_dir(self.folder()).output();
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("tests/setup.sh installed the program");
        let output = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        assert!(status.success(), "{command:?}\n{output}");
        output
    }

    /// Runs the program that uses the client.
    fn run_program(self, command: &mut Command) {
        let address = format!("http://{}", self.address);
        let output = self.run(command.args([&address, &self.token, SOURCE]));
        assert_eq!(output, "all answers were as expected\n");
        self.daemon.terminate();
    }
}

/// The folder with the generators.
fn generators() -> PathBuf {
    let configured = std::env::var_os("ASSET_INDEXER_TEST_GENERATORS");
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/generators");
    configured.map_or_else(|| default.into(), PathBuf::from)
}

fn openapi_generator() -> PathBuf {
    generators().join("openapi-generator-cli.jar")
}

#[test]
fn generated_go_client_reads_everything() {
    let service = Service::start();
    service.generate("go", "packageName=client,withGoMod=false", &[]);
    // The tests of the client need a package that the client does not need.
    let tests = std::fs::remove_dir_all(service.folder().join("client/test"));
    tests.expect("the generator writes tests");
    service.copy("main.go");
    let module = "module clients\n\ngo 1.19\n";
    std::fs::write(service.folder().join("go.mod"), module).expect("the folder is ours");
    let mut build = Command::new("go");
    build.args(["build", "-o", "main", "."]);
    build
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local");
    service.run(&mut build);
    let mut program = Command::new(service.folder().join("main"));
    service.run_program(&mut program);
}

#[test]
fn generated_typescript_client_reads_everything() {
    let service = Service::start();
    service.generate("typescript-fetch", "importFileExtension=.js", &[]);
    service.copy("main.ts");
    service.copy("tsconfig.json");
    let module = r#"{"type": "module"}"#;
    std::fs::write(service.folder().join("package.json"), module).expect("the folder is ours");
    let compiler = modules().join("node_modules/typescript/bin/tsc");
    service.run(Command::new("node").arg(compiler));
    service.run_program(Command::new("node").arg("out/main.js"));
}

#[test]
fn generated_python_client_reads_everything() {
    let service = Service::start();
    let program = |name: &str| generators().join("venv/bin").join(name);
    let mut generate = Command::new(program("openapi-python-client"));
    generate.args([
        "generate",
        "--path",
        "openapi.json",
        "--output-path",
        "client",
    ]);
    generate.args(["--meta", "none", "--fail-on-warning", "--config"]);
    generate.arg(Path::new(PROGRAMS).join("openapi-python-client.yml"));
    service.run(&mut generate);
    service.copy("main.py");
    service.run_program(Command::new(program("python")).arg("main.py"));
}

/// The generator is itself a Java program, and has the libraries that the client needs.
#[test]
fn generated_java_client_reads_everything() {
    let service = Service::start();
    service.generate(
        "java",
        "openApiNullable=false,hideGenerationTimestamp=true,useJakartaEe=false,invokerPackage=client,apiPackage=client.api,modelPackage=client.model",
        // The class that the generator writes for a word or a list of texts is no Java.
        &["--library", "native", "--schema-mappings", "SourceValues_rules_exclude=Object"],
    );
    service.copy("Generated.java");
    service.copy("Main.java");
    let classes = service.folder().join("classes");
    let generator = openapi_generator();
    let mut compiler = Command::new("javac");
    // Without annotation processors of the libraries.
    compiler
        .args(["-encoding", "UTF-8", "-nowarn", "-proc:none", "-d"])
        .arg(&classes);
    compiler.arg("-cp").arg(&generator);
    compiler.args(["-sourcepath", "client/src/main/java"]);
    service.run(compiler.args(["Generated.java", "Main.java"]));
    let path = std::env::join_paths([&classes, &generator]).expect("the paths have no colon");
    service.run_program(Command::new("java").arg("-cp").arg(path).arg("Main"));
}
