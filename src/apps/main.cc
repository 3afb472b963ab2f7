// `lode`: one binary, one small file per subcommand. A command that is added gets its line here and in CMakeLists.txt.
#include "apps/command.h"
#include "apps/frame.h"

int main(int argc, char** argv) {
  lode::apps::Frame frame;
  add_bench(frame);
  add_convert(frame);
  add_embed(frame);
  add_eval(frame);
  add_eval_compare(frame);
  add_export(frame);
  add_health(frame);
  add_index(frame);
  add_inspect(frame);
  add_mcp(frame);
  add_models(frame);
  add_pull(frame);
  add_score(frame);
  add_search(frame);
  add_serve(frame);
  add_similar(frame);
  add_tokenize(frame);
  add_train_ranker(frame);
  return frame.run(argc, argv);
}
