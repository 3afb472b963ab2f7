// openai-go: go run .
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func main() {
	client := openai.NewClient(
		option.WithBaseURL(cmp.Or(os.Getenv("BASE_URL"), "http://127.0.0.1:8080/v1")),
		option.WithAPIKey("none"),
	)
	reply, err := client.Embeddings.New(context.Background(), openai.EmbeddingNewParams{
		Model: cmp.Or(os.Getenv("MODEL"), "all-minilm-l6-v2"),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{
			"Where is the session token checked?", "naïve café, 東京, 😀", "",
		}},
	})
	var refused *openai.Error // prints as its status alone; the server's words are in Message
	if errors.As(err, &refused) {
		log.Fatal(refused.Message)
	} else if err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	for _, row := range reply.Data {
		if err := out.Encode(row.Embedding); err != nil {
			log.Fatal(err)
		}
	}
}
