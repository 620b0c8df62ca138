//! The server: MCP's requests, each handed to the module that answers it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
    CompleteResult, CompletionInfo, ContentBlock, ErrorData, GetPromptRequestParams,
    GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ResourceUpdatedNotificationParam,
    ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter, Tool,
    UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use tokio::time::timeout;
use wattle_context::Section;
use wattle_sync::Watch;

use crate::args::{self, How};
use crate::ask::{self, Back, Seal};
use crate::desk::{Desk, Opened};
use crate::follow::{Gathered, gathered, gathered_with};
use crate::limits::{ASK_MAX, CALL_MAX, FOLLOWED_MAX, GONE_MAX};
use crate::trouble::Trouble;
use crate::{edit, prompts, read, resolve, resources, task};

/// What every agent is told when it begins.
const INSTRUCTIONS: &str = include_str!("instructions.md");
/// What does not change while a server runs.
const FIXED_MS: u64 = 3_600_000;
/// What a client calls itself when it does not say.
const UNNAMED: &str = "agent";

/// One client's server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    session: Arc<Session>,
}

/// What the servers of one desk have in common.
#[derive(Debug)]
struct Shared {
    desk: Desk,
    seal: Seal,
    tools: Vec<Tool>,
}

/// What lasts as long as a client with `initialize`.
#[derive(Debug, Default)]
struct Session {
    /// What it follows.
    followed: Mutex<BTreeSet<String>>,
    follows: AtomicBool,
}

type Context = RequestContext<RoleServer>;
type Page = Option<PaginatedRequestParams>;

impl Server {
    pub(crate) fn new(desk: Desk, seal: Seal, tools: Vec<Tool>) -> Self {
        Self { shared: Arc::new(Shared { desk, seal, tools }), session: Arc::default() }
    }

    /// A server for another client at the same desk.
    pub(crate) fn another(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), session: Arc::default() }
    }

    /// What it works on.
    pub(crate) fn desk(&self) -> &Desk {
        &self.shared.desk
    }

    /// The context, opened for the program that asks.
    async fn opened(&self, context: &Context) -> Result<Arc<Opened>, Trouble> {
        let program = context.client_info().map(|client| client.name);
        self.shared.desk.opened(program.as_deref().unwrap_or(UNNAMED)).await
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        context: &Context,
    ) -> Result<CallToolResponse, Trouble> {
        let arguments = request.arguments;
        let told = match request.name.as_ref() {
            "context_read" => {
                let args = args::parse("context_read", arguments)?;
                read::run(&*self.opened(context).await?, args, context.ct.cancelled()).await?
            }
            "context_edit" => {
                let args = args::parse("context_edit", arguments)?;
                edit::run(&*self.opened(context).await?, args).await?
            }
            "context_resolve" => {
                let args: args::Resolve = args::parse("context_resolve", arguments)?;
                let desk = &*self.opened(context).await?;
                if args.how == How::AskHuman {
                    let back =
                        Back { responses: request.input_responses, state: request.request_state };
                    let asked = (args.conflict.as_str(), back);
                    return ask::run(desk, asked, (&self.shared.seal, context)).await;
                }
                resolve::run(desk, args).await?
            }
            "task_claim" => {
                let args = args::parse("task_claim", arguments)?;
                task::claim(&*self.opened(context).await?, args).await?
            }
            "task_update" => {
                let args = args::parse("task_update", arguments)?;
                task::update(&*self.opened(context).await?, args).await?
            }
            other => {
                let problem = format!("there is no tool {other:?}");
                return Err(Trouble::Argument { problem });
            }
        };
        Ok(text(told))
    }

    /// Tells a client with `initialize` what has changed of what it follows, until either is gone.
    async fn tell(self, peer: Peer<RoleServer>) {
        if self.session.follows.swap(true, Ordering::AcqRel) {
            return;
        }
        let program = peer.peer_info().map(|client| client.client_info.name.clone());
        let desk = self.shared.desk.opened(program.as_deref().unwrap_or(UNNAMED)).await;
        let Ok(desk) = desk else {
            // Without a context there is nothing to follow; the next one who asks tries again.
            self.session.follows.store(false, Ordering::Release);
            return;
        };
        let mut news = desk.peer.watch();
        while let Some(gathered) = gathered_for(&peer, &mut news).await {
            if self.tell_of(&gathered, (&peer, &desk.name)).await.is_none() {
                return;
            }
        }
    }

    /// None if the client is gone.
    async fn tell_of(
        &self,
        gathered: &Gathered,
        (peer, name): (&Peer<RoleServer>, &str),
    ) -> Option<()> {
        if gathered.changes_the_list() {
            peer.notify_resource_list_changed().await.ok()?;
        }
        let followed = self.session.followed().clone();
        for uri in followed.into_iter().filter(|uri| gathered.concerns(uri, name)) {
            let updated = ResourceUpdatedNotificationParam::new(uri);
            peer.notify_resource_updated(updated).await.ok()?;
        }
        Some(())
    }
}

impl Session {
    fn followed(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next changes for a client; none when it or the context is gone.
async fn gathered_for(peer: &Peer<RoleServer>, news: &mut Watch) -> Option<Gathered> {
    loop {
        match timeout(GONE_MAX, news.next()).await {
            Ok(first) => return Some(gathered_with(first?, news).await),
            Err(_) if peer.is_transport_closed() => return None,
            Err(_) => {}
        }
    }
}

/// An answer that is text.
pub(crate) fn text(text: String) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

/// A call that hangs keeps nobody.
async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    timeout(patience, call).await.unwrap_or_else(|_| Err(hung(patience)))
}

fn hung(patience: Duration) -> Trouble {
    Trouble::Hung { seconds: patience.as_secs() }
}

fn failed(trouble: &Trouble) -> ErrorData {
    ErrorData::internal_error(trouble.told(), None)
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_prompts()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_tools()
            .build();
        let server = Implementation::new("wattle", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(server.with_title("Wattle: shared context"))
            .with_instructions(INSTRUCTIONS.trim_end())
    }

    /// From the oldest revision that clients in use speak.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let known = ProtocolVersion::KNOWN_VERSIONS.iter();
        known.filter(|version| **version >= ProtocolVersion::V_2025_06_18).cloned().collect()
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.clone().tell(context.peer).await;
    }

    async fn list_tools(&self, _: Page, _: Context) -> Result<ListToolsResult, ErrorData> {
        let tools = ListToolsResult::with_all_items(self.shared.tools.clone());
        Ok(tools.with_ttl_ms(FIXED_MS).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.shared.tools.iter().any(|tool| tool.name == request.name) {
            let unknown = format!("there is no tool {:?}", request.name);
            return Err(ErrorData::invalid_params(unknown, None));
        }
        // What went wrong is an answer: clients hide protocol errors from their agents.
        let patience =
            if request.name == "context_resolve" { ASK_MAX + CALL_MAX } else { CALL_MAX };
        let called = within(patience, self.call(request, &context)).await;
        Ok(called.unwrap_or_else(|trouble| {
            CallToolResult::error(vec![ContentBlock::text(trouble.told())]).into()
        }))
    }

    async fn list_resources(
        &self,
        _: Page,
        context: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let list = async { resources::list(&*self.opened(&context).await?).await };
        let list = within(CALL_MAX, list).await.map_err(|trouble| failed(&trouble))?;
        Ok(ListResourcesResult::with_all_items(list).with_cache_scope(CacheScope::Private))
    }

    async fn list_resource_templates(
        &self,
        _: Page,
        context: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let desk = &*self.opened(&context).await.map_err(|trouble| failed(&trouble))?;
        let list = resources::templates(&desk.name);
        let list = ListResourceTemplatesResult::with_all_items(list);
        Ok(list.with_ttl_ms(FIXED_MS).with_cache_scope(CacheScope::Private))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let desk = &*self.opened(&context).await.map_err(|trouble| failed(&trouble))?;
        let read = timeout(CALL_MAX, resources::read(desk, &request.uri)).await;
        Ok(read.map_err(|_| failed(&hung(CALL_MAX)))??.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: Context,
    ) -> Result<CompleteResult, ErrorData> {
        let desk = &*self.opened(&context).await.map_err(|trouble| failed(&trouble))?;
        let chosen = request.context.as_ref().and_then(|given| given.get_argument("section"));
        let section = match (request.argument.name.as_str(), chosen) {
            ("task", _) => Some(Section::Tasks),
            (_, Some(section)) => section.parse().ok(),
            (_, None) => Some(Section::Documents).filter(|_| request.argument.name == "id"),
        };
        let argument = (request.argument.name.as_str(), request.argument.value.as_str());
        let values = within(CALL_MAX, resources::completions(desk, argument, section)).await;
        let values = values.map_err(|trouble| failed(&trouble))?;
        let values = CompletionInfo::with_all_values(values);
        values.map(CompleteResult::new).map_err(|problem| ErrorData::internal_error(problem, None))
    }

    async fn list_prompts(&self, _: Page, _: Context) -> Result<ListPromptsResult, ErrorData> {
        let list = ListPromptsResult::with_all_items(prompts::all());
        Ok(list.with_ttl_ms(FIXED_MS).with_cache_scope(CacheScope::Private))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let desk = &*self.opened(&context).await.map_err(|trouble| failed(&trouble))?;
        let prompt = timeout(CALL_MAX, prompts::get(desk, &request.name, request.arguments)).await;
        Ok(prompt.map_err(|_| failed(&hung(CALL_MAX)))??.into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: Context,
    ) -> Result<(), ErrorData> {
        self.opened(&context).await.map_err(|trouble| failed(&trouble))?;
        {
            let mut followed = self.session.followed();
            if followed.len() >= FOLLOWED_MAX {
                let problem = format!("at most {FOLLOWED_MAX} resources are followed");
                return Err(ErrorData::invalid_params(problem, None));
            }
            followed.insert(request.uri);
        }
        tokio::spawn(self.clone().tell(context.peer));
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: Context,
    ) -> Result<(), ErrorData> {
        self.session.followed().remove(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        asked: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let mut filter = asked.supported_by(&self.get_info().capabilities);
        if let Some(uris) = &mut filter.resource_subscriptions {
            uris.truncate(FOLLOWED_MAX);
        }
        Some(filter)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let Ok(desk) = self.opened(context.request_context()).await else {
            context.cancelled().await;
            return Ok(());
        };
        let accepted = context.accepted().clone();
        let mut news = desk.peer.watch();
        loop {
            let gathered = tokio::select! {
                () = context.cancelled() => return Ok(()),
                gathered = gathered(&mut news) => gathered,
            };
            let Some(gathered) = gathered else { return Ok(()) };
            let list = accepted.resources_list_changed == Some(true) && gathered.changes_the_list();
            if list && context.sink().notify_resource_list_changed().await.is_err() {
                return Ok(());
            }
            let uris = accepted.resource_subscriptions.iter().flatten();
            for uri in uris.filter(|uri| gathered.concerns(uri, &desk.name)) {
                if context.sink().notify_resource_updated(uri.clone()).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}
