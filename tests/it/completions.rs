//! What the shells complete: commands, options, and the names of the configuration in use.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::access::with_tokens;
use crate::cli::{BINARY, Cli};

/// Calls the function that the script registers, as Bash does when Tab is pressed at the end of the line. An empty
/// last word is a space at the end.
const BASH: &str = r#"
source <(asset-indexer completions bash)
read -ra COMP_WORDS <<<"$1"
[[ $1 != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
registered=$(complete -p asset-indexer)
[[ $registered =~ -F\ ([a-z_]+) ]]
"${BASH_REMATCH[1]}" asset-indexer "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// What Bash offers for the last word of a line.
fn offers(cli: &Cli, line: &str) -> BTreeSet<String> {
    let folder = Path::new(BINARY).parent().expect("a file is in a folder");
    let mut bash = Command::new("bash");
    bash.env_clear();
    bash.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    bash.env("ASSET_INDEXER_CONFIG", cli.config_file());
    bash.args(["-c", BASH, "bash", line]);
    let output = bash.output().expect("bash is installed");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .map(|word| word.trim_end().to_owned())
        .collect()
}

/// A configuration with two Sources and a token.
fn cli() -> Cli {
    let mut config = with_tokens("off");
    let mut second = config.sources[0].clone();
    second.name = "archive".to_owned();
    second.subdomain = "archive".to_owned();
    second.prefix = Some("archive/".to_owned());
    config.sources[0].name = "photos".to_owned();
    config.sources[0].prefix = Some("photos/".to_owned());
    config.sources.push(second);
    let cli = Cli::new(&config);
    let new = ["token", "new", "--name", "backend", "--all-sources"];
    cli.succeed(&new);
    cli
}

#[test]
fn bash_completes_commands_options_and_values() {
    let cli = cli();
    for (line, want) in [
        ("asset-indexer ind", &["index"][..]),
        ("asset-indexer index v", &["verify"]),
        ("asset-indexer check --so", &["--source"]),
        ("asset-indexer setup --print t", &["terraform"]),
        ("asset-indexer search --source ", &["archive", "photos"]),
        ("asset-indexer search summer --source ph", &["photos"]),
        ("asset-indexer source show a", &["archive"]),
        ("asset-indexer explain ", &["archive", "photos"]),
        ("asset-indexer search --sort mod", &["modified"]),
        ("asset-indexer search --sort -mod", &["-modified"]),
        ("asset-indexer search --facets s", &["size", "storage"]),
        ("asset-indexer search --color a", &["always", "auto"]),
        ("asset-indexer token remove ", &["backend"]),
    ] {
        let offered = offers(&cli, line);
        for word in want {
            assert!(offered.contains(*word), "{line:?} offers {offered:?}");
        }
    }
    let sources = offers(&cli, "asset-indexer search --source p");
    assert_eq!(sources, BTreeSet::from(["photos".to_owned()]));
}

#[test]
fn completes_the_sources_of_the_configuration_on_the_command_line() {
    let cli = cli();
    let other = cli.folder().join("other.toml");
    let toml =
        "data_dir = \"d\"\n[[source]]\nname = \"elsewhere\"\nbucket = \"abc\"\nsubdomain = \"a\"\n";
    std::fs::write(&other, toml).expect("the folder is ours");
    let line = |file: &Path| format!("asset-indexer --config {} search --source ", file.display());
    assert!(offers(&cli, &line(&other)).contains("elsewhere"));
    // Without a configuration there are no names, and no error disturbs the command line.
    assert!(!offers(&cli, &line(Path::new("/nowhere.toml"))).contains("photos"));
}
