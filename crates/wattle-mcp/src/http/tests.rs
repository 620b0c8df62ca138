//! What cannot be tried with sockets of one machine.

use http_body_util::{BodyExt, Full};
use serde_json::Value as Json;

use super::*;

fn nobody() -> Vec<Offer> {
    let open: OpenAs = Arc::new(|_, _| Box::pin(async { Err("there is none".to_owned()) }));
    vec![Offer { tokens: Tokens::of(std::path::Path::new("nowhere")), open }]
}

async fn ask(endpoint: &Endpoint, via: Via) -> (u16, Json) {
    let request = Request::post("/mcp").header("host", "localhost:4747");
    let request = request.header("authorization", "Bearer wattle_x");
    let request = request.body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    let response = endpoint.answer(via, request).await;
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_network_is_served_only_where_that_is_allowed() {
    let near = Endpoint::new(nobody(), Terms::default()).unwrap();
    let (code, told) = ask(&near, Via::Network).await;
    assert_eq!((code, &told["error"]), (403, &Json::from("not_this_machine")));
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("beyond-loopback") && message.contains("in the clear"), "{message}");
    assert_eq!(ask(&near, Via::ThisMachine).await.0, 401);
    let terms = Terms { reach: Reach::Anywhere, ..Terms::default() };
    let far = Endpoint::new(nobody(), terms).unwrap();
    assert_eq!(ask(&far, Via::Network).await.0, 401);
}
