// LangChain4j: mvn -q compile && java -cp 'target/classes:target/lib/*' Embed
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import java.util.Arrays;
import java.util.List;

public class Embed {
  public static void main(String[] args) {
    var model = OpenAiEmbeddingModel.builder()
        .baseUrl(env("BASE_URL", "http://127.0.0.1:8080/v1"))
        .modelName(env("MODEL", "all-minilm-l6-v2"))
        .apiKey("none")
        .build();
    // LangChain4j itself refuses empty texts.
    var texts = List.of("Where is the session token checked?", "naïve café, 東京, 😀").stream().map(TextSegment::from).toList();
    for (var embedding : model.embedAll(texts).content()) {
      System.out.println(Arrays.toString(embedding.vector()));
    }
  }

  private static String env(String name, String otherwise) {
    var value = System.getenv(name);
    return value == null ? otherwise : value;
  }
}
