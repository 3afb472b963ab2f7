#include "text/sentencepiece_model.h"

#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace lode::text {
namespace {

// One field of a protobuf message. `number` counts for varint and fixed fields, `bytes` for length-delimited ones.
struct Field {
  uint64_t id = 0;
  enum class Wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 } wire = Wire::varint;
  uint64_t number = 0;
  std::string_view bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool done() const { return rest_.empty(); }

  // The next field, or why there is none.
  std::expected<Field, std::string> next() {
    const auto tag = varint();
    if (!tag) return std::unexpected("a field tag is cut short or too long");
    Field field;
    field.id = *tag >> 3;
    if (field.id == 0) return std::unexpected("field number 0, expected 1 or more");
    switch (*tag & 7) {
      case 0: {
        const auto value = varint();
        if (!value) return std::unexpected(fmt::format("field {}: an integer is cut short or too long", field.id));
        field.number = *value;
        return field;
      }
      case 1: return fixed(field, Field::Wire::fixed64, 8);
      case 2: {
        field.wire = Field::Wire::bytes;
        const auto n_bytes = varint();
        if (!n_bytes) return std::unexpected(fmt::format("field {}: a length is cut short or too long", field.id));
        if (*n_bytes > rest_.size()) {
          return std::unexpected(fmt::format("field {} says it has {} bytes, expected at most the {} that follow",
                                             field.id, *n_bytes, rest_.size()));
        }
        field.bytes = rest_.substr(0, *n_bytes);
        rest_.remove_prefix(*n_bytes);
        return field;
      }
      case 5: return fixed(field, Field::Wire::fixed32, 4);
      default:
        return std::unexpected(fmt::format("field {} has wire type {}, expected 0, 1, 2 or 5", field.id, *tag & 7));
    }
  }

 private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < 10 && i < rest_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return value;
      }
    }
    return std::nullopt;
  }

  std::expected<Field, std::string> fixed(Field field, Field::Wire wire, size_t n_bytes) {
    if (rest_.size() < n_bytes) {
      return std::unexpected(fmt::format("field {}: {} bytes follow, expected {}", field.id, rest_.size(), n_bytes));
    }
    field.wire = wire;
    for (size_t i = 0; i < n_bytes; ++i)
      field.number |= static_cast<uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    rest_.remove_prefix(n_bytes);
    return field;
  }

  std::string_view rest_;
};

using Wire = Field::Wire;

std::unexpected<std::string> wrong_wire(const Field& field, std::string_view name) {
  return std::unexpected(fmt::format("{} (field {}) has wire type {}", name, field.id, std::to_underlying(field.wire)));
}

std::expected<SentencePieceModel::Piece, std::string> read_piece(std::string_view bytes) {
  SentencePieceModel::Piece piece;
  for (Reader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return std::unexpected(field.error());
    switch (field->id) {
      case 1:
        if (field->wire != Wire::bytes) return wrong_wire(*field, "its text");
        piece.text = field->bytes;
        break;
      case 2:
        if (field->wire != Wire::fixed32) return wrong_wire(*field, "its score");
        piece.score = std::bit_cast<float>(static_cast<uint32_t>(field->number));
        if (!std::isfinite(piece.score)) return std::unexpected("its score is not a finite number");
        break;
      case 3:
        if (field->wire != Wire::varint) return wrong_wire(*field, "its type");
        if (field->number < 1 || field->number > 6) {
          return std::unexpected(fmt::format("its type is {}, expected 1 to 6", field->number));
        }
        piece.type = static_cast<SentencePieceModel::Type>(field->number);
        break;
      default: break;
    }
  }
  if (piece.text.empty()) return std::unexpected("it has no text");
  return piece;
}

std::expected<void, std::string> read_trainer(std::string_view bytes, SentencePieceModel& model) {
  for (Reader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return std::unexpected(field.error());
    if (field->id != 3 && field->id != 24 && field->id != 35) continue;
    if (field->wire != Wire::varint) return wrong_wire(*field, "a setting");
    if (field->id == 24) model.whitespace_as_suffix = field->number != 0;
    if (field->id == 35) model.byte_fallback = field->number != 0;
    if (field->id != 3) continue;
    if (field->number < 1 || field->number > 4) {
      return std::unexpected(fmt::format("model_type is {}, expected 1 to 4", field->number));
    }
    model.algorithm = static_cast<SentencePieceModel::Algorithm>(field->number);
  }
  return {};
}

std::expected<void, std::string> read_normalizer(std::string_view bytes, SentencePieceModel& model) {
  for (Reader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return std::unexpected(field.error());
    if (field->id < 2 || field->id > 5) continue;
    if (field->wire != (field->id == 2 ? Wire::bytes : Wire::varint)) return wrong_wire(*field, "a setting");
    switch (field->id) {
      case 2: model.has_character_map = !field->bytes.empty(); break;
      case 3: model.add_dummy_prefix = field->number != 0; break;
      case 4: model.remove_extra_whitespaces = field->number != 0; break;
      default: model.escape_whitespaces = field->number != 0; break;
    }
  }
  return {};
}

}  // namespace

Result<SentencePieceModel> SentencePieceModel::parse(std::string_view bytes, std::string_view what) {
  const auto corrupt = [what](const std::string& message) {
    return fail(Code::corrupt, fmt::format("{}: {}, expected a SentencePiece model", what, message),
                "The file may be damaged, cut short, or a Git LFS pointer: get it again");
  };
  SentencePieceModel model;
  for (Reader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return corrupt(field.error());
    if (field->id < 1 || field->id > 3) continue;
    if (field->wire != Wire::bytes) return corrupt(wrong_wire(*field, "a section").error());
    if (field->id == 1) {
      auto piece = read_piece(field->bytes);
      if (!piece) return corrupt(fmt::format("piece {}: {}", model.pieces.size(), piece.error()));
      model.pieces.push_back(*piece);
      continue;
    }
    const auto read = field->id == 2 ? read_trainer(field->bytes, model) : read_normalizer(field->bytes, model);
    if (!read) return corrupt(fmt::format("{}: {}", field->id == 2 ? "trainer_spec" : "normalizer_spec", read.error()));
  }
  if (model.pieces.empty()) return corrupt("no pieces");
  return model;
}

}  // namespace lode::text
