//! What is known of each client: its files, and how a server stands in them.

use std::env;
use std::path::{Path, PathBuf};

use crate::args::clients::Client;

/// Whose configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The project's.
    Project,
    /// The user's.
    User,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON, with comments where the client has them.
    Json,
    /// TOML.
    Toml,
}

/// The folders that configurations lie in.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    /// The project's, if one is known.
    pub(super) project: Option<PathBuf>,
    /// The user's.
    pub(super) home: PathBuf,
    /// Where programs of the desktop keep their settings.
    settings: PathBuf,
}

impl Folders {
    /// Of this user; none if the system does not say where they are at home.
    pub(super) fn of(project: Option<PathBuf>) -> Option<Self> {
        let home = env::home_dir().filter(|home| !home.as_os_str().is_empty())?;
        let settings = if cfg!(target_os = "macos") {
            home.join("Library").join("Application Support")
        } else if cfg!(windows) {
            set("APPDATA").unwrap_or_else(|| home.join("AppData").join("Roaming"))
        } else {
            xdg(&home)
        };
        Some(Self { project, home, settings })
    }
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn xdg(home: &Path) -> PathBuf {
    set("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"))
}

impl Client {
    /// All, in the order in which they are listed.
    pub(super) const ALL: [Self; 7] = [
        Self::ClaudeCode,
        Self::Codex,
        Self::Cursor,
        Self::VsCode,
        Self::Gemini,
        Self::OpenCode,
        Self::ClaudeDesktop,
    ];

    /// The name that is typed.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::Gemini => "gemini",
            Self::OpenCode => "opencode",
            Self::ClaudeDesktop => "claude-desktop",
        }
    }

    pub(super) const fn format(self) -> Format {
        match self {
            Self::Codex => Format::Toml,
            Self::ClaudeCode
            | Self::Cursor
            | Self::VsCode
            | Self::Gemini
            | Self::OpenCode
            | Self::ClaudeDesktop => Format::Json,
        }
    }

    /// Under which key the servers are.
    pub(super) const fn servers(self) -> &'static str {
        match self {
            Self::ClaudeCode | Self::Cursor | Self::Gemini | Self::ClaudeDesktop => "mcpServers",
            Self::VsCode => "servers",
            Self::OpenCode => "mcp",
            Self::Codex => "mcp_servers",
        }
    }

    /// Whether a project can have a configuration of its own.
    pub(super) const fn has_projects(self) -> bool {
        !matches!(self, Self::ClaudeDesktop)
    }

    /// The file with the servers; none where there is no project.
    pub(super) fn file(self, scope: Scope, folders: &Folders) -> Option<PathBuf> {
        match scope {
            Scope::Project => Some(self.of_project(folders.project.as_deref()?)?),
            Scope::User => Some(self.of_user(folders)),
        }
    }

    fn of_project(self, project: &Path) -> Option<PathBuf> {
        let file = match self {
            Self::ClaudeCode => ".mcp.json",
            Self::Codex => ".codex/config.toml",
            Self::Cursor => ".cursor/mcp.json",
            Self::VsCode => ".vscode/mcp.json",
            Self::Gemini => ".gemini/settings.json",
            Self::OpenCode => return Some(json_or_jsonc(project)),
            Self::ClaudeDesktop => return None,
        };
        Some(project.join(file))
    }

    fn of_user(self, folders: &Folders) -> PathBuf {
        let (home, settings) = (&folders.home, &folders.settings);
        match self {
            Self::ClaudeCode => {
                set("CLAUDE_CONFIG_DIR").unwrap_or_else(|| home.clone()).join(".claude.json")
            }
            Self::Codex => self.folder(folders).join("config.toml"),
            Self::Cursor => home.join(".cursor").join("mcp.json"),
            Self::VsCode => settings.join("Code").join("User").join("mcp.json"),
            Self::Gemini => home.join(".gemini").join("settings.json"),
            Self::OpenCode => json_or_jsonc(&self.folder(folders)),
            Self::ClaudeDesktop => self.folder(folders).join("claude_desktop_config.json"),
        }
    }

    /// The file with the hooks, where the client has them.
    pub(super) fn hooks(self, scope: Scope, folders: &Folders) -> Option<PathBuf> {
        if self != Self::ClaudeCode {
            return None;
        }
        let folder = match scope {
            Scope::Project => folders.project.as_ref()?.join(".claude"),
            Scope::User => self.folder(folders),
        };
        Some(folder.join("settings.json"))
    }

    /// The folder that is there when the client is installed and has run.
    pub(super) fn folder(self, folders: &Folders) -> PathBuf {
        let home = &folders.home;
        match self {
            Self::ClaudeCode => set("CLAUDE_CONFIG_DIR").unwrap_or_else(|| home.join(".claude")),
            Self::Codex => set("CODEX_HOME").unwrap_or_else(|| home.join(".codex")),
            Self::Cursor => home.join(".cursor"),
            Self::VsCode => folders.settings.join("Code"),
            Self::Gemini => home.join(".gemini"),
            Self::OpenCode => xdg(home).join("opencode"),
            Self::ClaudeDesktop => folders.settings.join("Claude"),
        }
    }

    /// What to do after the change.
    pub(super) const fn next(self, scope: Scope) -> &'static str {
        match (self, scope) {
            (Self::ClaudeCode, Scope::Project) => {
                "start `claude` in the project and allow the server wattle once"
            }
            (Self::ClaudeCode, Scope::User) => {
                "sessions of `claude` that begin from now on have it"
            }
            (Self::Codex, Scope::Project) => {
                "`codex` reads it in a project that is trusted; `codex mcp list` shows it"
            }
            (Self::Codex, Scope::User) => "`codex mcp list` shows it",
            (Self::Cursor, _) => "allow the server wattle once in Cursor's settings, under MCP",
            (Self::VsCode, _) => "start the server wattle in VS Code: MCP: List Servers",
            (Self::Gemini, _) => "`gemini mcp list` shows it",
            (Self::OpenCode, _) => "`opencode mcp list` shows it",
            (Self::ClaudeDesktop, _) => "quit Claude Desktop and start it again",
        }
    }
}

/// The file that is there; the one without comments if none is.
fn json_or_jsonc(folder: &Path) -> PathBuf {
    let with_comments = folder.join("opencode.jsonc");
    if with_comments.exists() { with_comments } else { folder.join("opencode.json") }
}
