#include "apps/eval_model.h"

#include <string_view>
#include <system_error>
#include <utility>

#include "apps/command.h"
#include "apps/digest.h"
#include "apps/model_store.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRevisionDigits = 40;

// The commit in the hub's own cache: models--nvidia--NV-Embed-v1/snapshots/<commit>.
std::string commit_of(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(folder, error);
  return whole.parent_path().filename() == "snapshots" ? whole.filename().string() : "";
}

}  // namespace

EvalModel describe_terms(std::string name) {
  EvalModel out;
  out.name = std::move(name);
  out.is_bm25 = out.name == "bm25";
  out.revision = LODE_VERSION;
  return out;
}

EvalModel describe_remote(std::string name, const std::string& identity, int64_t n_dims) {
  EvalModel out;
  out.name = std::move(name);
  out.revision = sha256(identity).substr(0, kRevisionDigits);
  out.n_dims = n_dims;
  return out;
}

Result<EvalModel> describe_run(const fs::path& file) {
  EvalModel out;
  out.name = file.filename().string();
  LODE_ASSIGN(out.sha256, file_sha256(file));
  out.revision = out.sha256.substr(0, kRevisionDigits);
  return out;
}

EvalModel describe_model(const fs::path& folder, std::string sum, const embed::Embedder& embedder, kernels::Isa isa) {
  EvalModel out;
  out.name = served_name(folder);
  const std::string_view short_name = std::string_view(out.name).substr(out.name.rfind('/') + 1);
  if (const KnownModel* const known = find_known(short_name)) out.name = known->hub_id;
  out.sha256 = std::move(sum);
  out.revision = commit_of(folder);
  if (out.revision.empty()) out.revision = out.sha256.substr(0, kRevisionDigits);
  out.dtype = model::name(embedder.arithmetic());
  out.kernels = kernels::name(isa);
  out.n_dims = embedder.dims();
  out.max_tokens = embedder.max_tokens();
  out.takes_instruction = !embedder.config().prompts.task_template.empty();
  return out;
}

}  // namespace lode::apps
