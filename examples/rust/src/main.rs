// async-openai: cargo run --locked --quiet
use std::env::var;

use async_openai::{config::OpenAIConfig, types::embeddings::CreateEmbeddingRequestArgs, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base_url = var("BASE_URL").unwrap_or("http://127.0.0.1:8080/v1".into());
    let model = var("MODEL").unwrap_or("all-minilm-l6-v2".into());
    let texts = ["Where is the session token checked?", "naïve café, 東京, 😀", ""];

    let client = Client::with_config(OpenAIConfig::new().with_api_base(base_url).with_api_key("none"));
    let request = CreateEmbeddingRequestArgs::default().model(model).input(texts).build()?;
    for row in client.embeddings().create(request).await?.data {
        println!("{}", serde_json::to_string(&row.embedding)?);
    }
    Ok(())
}
