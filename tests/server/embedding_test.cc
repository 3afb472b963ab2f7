#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <rapidcheck.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/base64.h"
#include "server/embedding_response.h"

namespace lode::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

EmbeddingRequest parsed(std::string_view body) {
  auto request = parse_embedding_request(body);
  EXPECT_TRUE(request) << body << ": " << request.error().message << " " << request.error().hint;
  return request ? *request : EmbeddingRequest{};
}

// The refusal as a client sees it.
Json refused(std::string_view body) {
  const auto request = parse_embedding_request(body);
  EXPECT_FALSE(request) << body;
  if (request) return {};
  const Response response = error_response(request.error());
  EXPECT_EQ(response.status, 400);
  return Json::parse(response.body);
}

TEST(ParseRequest, TakesAStringOrAListOfStrings) {
  EXPECT_THAT(parsed(R"({"input":"a"})").inputs, ElementsAre("a"));
  EXPECT_THAT(parsed(R"({"input":["a","b"]})").inputs, ElementsAre("a", "b"));
  EXPECT_THAT(parsed(R"({"input":""})").inputs, ElementsAre(""));
  EXPECT_THAT(parsed(R"({"input":["",""]})").inputs, ElementsAre("", ""));
}

TEST(ParseRequest, ReadsEveryField) {
  const EmbeddingRequest request = parsed(R"({"input":"a","model":"nvidia/x","input_type":"query","truncate":"START",
    "encoding_format":"base64","dimensions":384,"instruction":"Find: ","embedding_type":"float","user":"me"})");
  EXPECT_EQ(request.model, "nvidia/x");
  EXPECT_EQ(request.input_type, embed::InputType::query);
  EXPECT_EQ(request.truncate, embed::Truncate::start);
  EXPECT_EQ(request.encoding, Encoding::base64);
  EXPECT_EQ(request.dimensions, 384);
  EXPECT_EQ(request.instruction, "Find: ");
  EXPECT_EQ(request.task, std::nullopt);

  const EmbeddingRequest other =
      parsed(R"({"input":"a","input_type":"passage","truncate":"END","encoding_format":"float","task":"Find"})");
  EXPECT_EQ(other.input_type, embed::InputType::passage);
  EXPECT_EQ(other.truncate, embed::Truncate::end);
  EXPECT_EQ(other.encoding, Encoding::floats);
  EXPECT_EQ(other.task, "Find");
}

TEST(ParseRequest, AbsentNullAndEmptyMeanTheDefault) {
  for (const char* body :
       {R"({"input":"a"})", R"({"input":"a","model":"","input_type":"","truncate":"","task":""})",
        R"({"input":"a","model":null,"input_type":null,"truncate":null,"encoding_format":null,"dimensions":null,
            "instruction":null,"task":null,"embedding_type":null,"user":null,"messages":null})",
        R"({"input":"a","modality":"text","extra_body":{"x":[1]},"unknown":3.5,"drop_params":true})"}) {
    const EmbeddingRequest request = parsed(body);
    EXPECT_THAT(request.inputs, ElementsAre("a"));
    EXPECT_EQ(request.model, "");
    EXPECT_EQ(request.input_type, embed::InputType::unspecified);
    EXPECT_EQ(request.truncate, embed::Truncate::none);
    EXPECT_EQ(request.encoding, Encoding::floats);
    EXPECT_EQ(request.dimensions, std::nullopt);
    EXPECT_EQ(request.instruction, std::nullopt);
    EXPECT_EQ(request.task, std::nullopt);
  }
}

TEST(ParseRequest, AnEmptyInstructionIsGivenAllTheSame) {
  EXPECT_EQ(parsed(R"({"input":"a","instruction":""})").instruction, "");
}

TEST(ParseRequest, MessagesStandForOneTextWhereThereIsNoInput) {
  EXPECT_THAT(parsed(R"({"messages":[{"role":"user","content":""}]})").inputs, ElementsAre(""));
  EXPECT_THAT(parsed(R"({"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}]})").inputs,
              ElementsAre("ab"));
  EXPECT_THAT(parsed(R"({"messages":[{"content":[{"type":"text","text":"a"},{"type":"text","text":" b"}]}]})").inputs,
              ElementsAre("a b"));
  EXPECT_THAT(parsed(R"({"messages":[{"content":null},{"role":"user"}]})").inputs, ElementsAre(""));
  EXPECT_THAT(parsed(R"({"input":"i","messages":[{"content":"m"}]})").inputs, ElementsAre("i"));
  EXPECT_THAT(parsed(R"({"input":null,"messages":[{"content":"m"}]})").inputs, ElementsAre("m"));
}

TEST(ParseRequest, KeepsTextsByteForByte) {
  EXPECT_THAT(parsed(R"({"input":"a\u0000b\n\ud83d\ude00 é"})").inputs, ElementsAre(std::string("a\0b\n😀 é", 11)));
  EXPECT_THAT(parsed("{\"input\":\"" + std::string(1'000'000, 'x') + "\"}").inputs,
              ElementsAre(std::string(1'000'000, 'x')));
}

TEST(ParseRequest, TheLastOfARepeatedKeyCounts) {
  EXPECT_THAT(parsed(R"({"input":"a","input":"b"})").inputs, ElementsAre("b"));
}

struct Wrong {
  const char* name;
  std::string body;
  const char* type;
  const char* message;
};

class ParseRequestRefusal : public ::testing::TestWithParam<Wrong> {};

TEST_P(ParseRequestRefusal, SaysWhereAndWhat) {
  const Json body = refused(GetParam().body);
  EXPECT_EQ(body["object"], "error");
  EXPECT_EQ(body["message"], "Your request cannot be validated, it is incorrect.");
  EXPECT_EQ(body["type"], "request_validation_error");
  EXPECT_EQ(body["detail"]["type"], GetParam().type);
  EXPECT_EQ(body["detail"]["loc"][0], "body");
  EXPECT_EQ(body["error"]["type"], "invalid_request_error");
  EXPECT_EQ(body["error"]["code"], GetParam().type);
  EXPECT_TRUE(body["error"].contains("param"));
  EXPECT_THAT(body["error"]["message"].get<std::string>(), HasSubstr(GetParam().message));
  EXPECT_THAT(body["error"]["message"].get<std::string>(), HasSubstr("cannot be validated"));
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseRequestRefusal,
    ::testing::Values(
        Wrong{"empty", "", "json_invalid", "request body"},
        Wrong{"not_json", "input=a", "json_invalid", "request body"},
        Wrong{"cut", R"({"input":"a)", "json_invalid", "request body"},
        Wrong{"two_documents", R"({"input":"a"}{"input":"b"})", "json_invalid", "request body"},
        Wrong{"not_utf8", "{\"input\":\"\xff\"}", "json_invalid", "UTF-8"},
        Wrong{"raw_control", "{\"input\":\"a\nb\"}", "json_invalid", "control"},
        Wrong{"lone_surrogate", R"({"input":"\ud800"})", "json_invalid", "string"},
        Wrong{"deep", R"({"input":)" + std::string(5000, '[') + std::string(5000, ']') + "}", "json_invalid",
              "nested deeper"},
        Wrong{"list", "[1]", "dict_type", "should be an object"}, Wrong{"null", "null", "dict_type", "object"},
        Wrong{"nothing", "{}", "missing", "input: Field required"},
        Wrong{"only_nulls", R"({"input":null,"messages":null})", "missing", "input: Field required"},
        Wrong{"no_texts", R"({"input":[]})", "too_short", "at least 1 item"},
        Wrong{"number", R"({"input":5})", "string_type", "string or a list of strings"},
        Wrong{"object", R"({"input":{"text":"a"}})", "string_type", "not {"},
        Wrong{"tokens", R"({"input":[1,2,3]})", "string_type", "check_embedding_ctx_length=False"},
        Wrong{"lists_of_tokens", R"({"input":[[1,2],[3]]})", "string_type", "check_embedding_ctx_length=False"},
        Wrong{"mixed", R"({"input":["a",null,"b"]})", "string_type",
              "input.1: Input should be a valid string, not null"},
        Wrong{"model_number", R"({"input":"a","model":3})", "string_type", "model"},
        Wrong{"input_type", R"({"input":"a","input_type":"document"})", "literal_error",
              "'query' or 'passage', not \"document\""},
        Wrong{"input_type_number", R"({"input":"a","input_type":1})", "literal_error", "not 1"},
        Wrong{"truncate", R"({"input":"a","truncate":"MIDDLE"})", "literal_error", "'NONE', 'START' or 'END'"},
        Wrong{"truncate_bool", R"({"input":"a","truncate":true})", "literal_error", "not true"},
        Wrong{"encoding", R"({"input":"a","encoding_format":"hex"})", "literal_error",
              "'float' or 'base64', not \"hex\""},
        Wrong{"embedding_type", R"({"input":"a","embedding_type":"int4"})", "literal_error",
              "'float', 'int8', 'uint8', 'binary' or 'ubinary'"},
        Wrong{"output_dtype", R"({"input":"a","embedding_type":"int8","output_dtype":"int4"})", "literal_error",
              "output_dtype"},
        Wrong{"image", R"({"input":"a","modality":"image"})", "literal_error", "modality: Input should be 'text'"},
        Wrong{"an_image", R"({"input":["a","b"],"modality":["text","text_image"]})", "literal_error",
              "not \"text_image\""},
        Wrong{"dimensions_huge", R"({"input":"a","dimensions":1e300})", "int_type", "valid integer"},
        Wrong{"number_too_large", R"({"input":"a","x":1e999})", "json_invalid", "out of range"},
        Wrong{"dimensions_text", R"({"input":"a","dimensions":"384"})", "int_type", "valid integer"},
        Wrong{"dimensions_fraction", R"({"input":"a","dimensions":1.5})", "int_type", "not 1.5"},
        Wrong{"instruction", R"({"input":"a","instruction":["x"]})", "string_type", "instruction"},
        Wrong{"both_prompts", R"({"input":"a","instruction":"x","task":"y"})", "value_error", "not both"},
        Wrong{"messages_text", R"({"messages":"a"})", "list_type", "messages"},
        Wrong{"messages_empty", R"({"messages":[]})", "too_short", "at least 1 item"},
        Wrong{"message_text", R"({"messages":["a"]})", "dict_type", "messages.0"},
        Wrong{"content_number", R"({"messages":[{"content":1}]})", "string_type", "messages.0.content"},
        Wrong{"content_image", R"({"messages":[{"content":[{"type":"image_url","image_url":"x"}]}]})", "literal_error",
              "type 'text'"},
        Wrong{"content_parts", R"({"messages":[{"content":["a"]}]})", "literal_error", "type 'text'"}),
    [](const auto& each) { return each.param.name; });

TEST(ParseRequest, RefusesMoreTextsThanTheLimit) {
  const auto body = [](size_t n) {
    std::string out = R"({"input":["")";
    for (size_t i = 1; i < n; ++i) out += R"(,"")";
    return out + "]}";
  };
  EXPECT_EQ(parsed(body(RequestLimits().max_inputs)).inputs.size(), RequestLimits().max_inputs);
  const Json error = refused(body(RequestLimits().max_inputs + 1));
  EXPECT_THAT(error["error"]["message"].get<std::string>(), HasSubstr("at most 8192 items, it has 8193"));
}

TEST(ParseRequest, NeverCrashesOnCutOrChangedBodies) {
  const std::string whole =
      R"({"input":["a\u00e9","b"],"model":"m","messages":[{"content":[{"type":"text","text":"x"}]}],"dimensions":1e99})";
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_embedding_request(std::string_view(whole).substr(0, n)));
  EXPECT_TRUE(rc::check("any bytes", [](const std::string& bytes) { (void)parse_embedding_request(bytes); }));
  EXPECT_TRUE(rc::check("one byte changed", [&] {
    std::string changed = whole;
    changed[*rc::gen::inRange<size_t>(0, whole.size())] = *rc::gen::arbitrary<char>();
    const auto request = parse_embedding_request(changed);
    if (!request) RC_ASSERT(!Json::parse(error_response(request.error()).body).empty());
  }));
}

TEST(ErrorTable, CodesHaveTheirStatus) {
  EXPECT_EQ(http_status(Code::invalid_argument), 400);
  EXPECT_EQ(http_status(Code::too_long), 400);
  EXPECT_EQ(http_status(Code::permission), 401);
  EXPECT_EQ(http_status(Code::not_found), 404);
  EXPECT_EQ(http_status(Code::too_large), 413);
  EXPECT_EQ(http_status(Code::overloaded), 429);
  EXPECT_EQ(http_status(Code::unavailable), 503);
  EXPECT_EQ(http_status(Code::internal), 500);
}

TEST(ErrorBody, CarriesBothFamiliesOfFields) {
  const Response response = error_response(to_api_error({Code::overloaded, "The queue is full", "Try again"}));
  EXPECT_EQ(response.status, 429);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].name, "Retry-After");
  const Json body = Json::parse(response.body);
  EXPECT_EQ(body["error"]["message"], "The queue is full. Try again");
  EXPECT_EQ(body["error"]["type"], "rate_limit_error");
  EXPECT_EQ(body["error"]["code"], "overloaded");
  EXPECT_TRUE(body["error"]["param"].is_null());
  EXPECT_EQ(body["object"], "error");
  EXPECT_EQ(body["message"], "The queue is full");
  EXPECT_EQ(body["detail"], "Try again");
}

TEST(ErrorBody, HasNoDetailWhenThereIsNone) {
  // A null detail makes one client raise a TypeError in place of the message.
  const Json body = Json::parse(error_response(to_api_error({Code::internal, "Broken", ""})).body);
  EXPECT_FALSE(body.contains("detail"));
  EXPECT_EQ(body["error"]["type"], "server_error");
}

TEST(ErrorBody, SurvivesTextThatIsNotUtf8) {
  const Json body = Json::parse(error_response(to_api_error({Code::not_found, "no \xff", ""})).body);
  EXPECT_EQ(body["message"], "no \xEF\xBF\xBD");
}

TEST(Base64, MatchesTheKnownAnswers) {
  const auto encode = [](std::string_view text) {
    std::string out = "x";
    append_base64(out, std::as_bytes(std::span(text)));
    return out.substr(1);
  };
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foob"), "Zm9vYg==");
  EXPECT_EQ(encode("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encode("\xfb\xff\xbf\xff"), "+/+//w==");
}

TEST(Base64, ReadsWhatItWritesAndNothingElse) {
  for (size_t n = 0; n < 50; ++n) {
    std::string bytes;
    for (size_t i = 0; i < n; ++i) bytes += static_cast<char>(i * 37 + n);
    std::string text;
    append_base64(text, std::as_bytes(std::span(bytes)));
    const auto back = server::decode_base64(std::string_view(text));
    ASSERT_TRUE(back);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(back->data()), back->size()), bytes);
  }
  for (const std::string_view wrong : {"A", "AAA", "AA=A", "====", "AAA\n", "AA-_", "Zg==Zg=="}) {
    EXPECT_FALSE(server::decode_base64(wrong)) << wrong;
  }
}

std::vector<unsigned char> decode_base64(const std::string& text) {
  static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes;
  unsigned bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(kAlphabet.find(c));
    n_bits += 6;
    if (n_bits >= 8) bytes.push_back(static_cast<unsigned char>(bits >> (n_bits -= 8) & 255));
  }
  return bytes;
}

TEST(Base64, RoundTrips) {
  EXPECT_TRUE(rc::check("any bytes come back", [](const std::vector<unsigned char>& bytes) {
    std::string out;
    append_base64(out, std::as_bytes(std::span(bytes)));
    RC_ASSERT(out.size() == (bytes.size() + 2) / 3 * 4);
    RC_ASSERT(decode_base64(out) == bytes);
  }));
}

std::string body_of(std::span<const float> vectors, size_t dims, Encoding encoding = Encoding::floats) {
  const auto body = embedding_response(vectors, dims, {encoding}, "nvidia/x", 7);
  EXPECT_TRUE(body);
  return body.value_or("");
}

TEST(EmbeddingResponse, HasTheShapeThatClientsRead) {
  const std::vector<float> vectors{1.0F, -0.5F, 0.25F, 0.1F};
  EXPECT_EQ(body_of(vectors, 2), R"({"object":"list","data":[{"index":0,"embedding":[1.0,-0.5],"object":"embedding"},)"
                                 R"({"index":1,"embedding":[0.25,0.1],"object":"embedding"}],"model":"nvidia/x",)"
                                 R"("usage":{"prompt_tokens":7,"total_tokens":7}})");
}

TEST(EmbeddingResponse, BothEncodingsCarryTheSameFloats) {
  EXPECT_TRUE(rc::check("base64 and numbers agree", [](const std::vector<int16_t>& seeds) {
    RC_PRE(!seeds.empty());
    std::vector<float> vector;
    for (const int16_t seed : seeds) vector.push_back(static_cast<float>(seed) / 3.0e4F);
    const Json floats = Json::parse(body_of(vector, vector.size()))["data"][0]["embedding"];
    const Json base64 = Json::parse(body_of(vector, vector.size(), Encoding::base64))["data"][0]["embedding"];
    const auto bytes = decode_base64(base64.get<std::string>());
    RC_ASSERT(bytes.size() == vector.size() * 4);
    for (size_t i = 0; i < vector.size(); ++i) {
      uint32_t bits = 0;
      for (size_t k = 0; k < 4; ++k) bits |= static_cast<uint32_t>(bytes[4 * i + k]) << (8 * k);
      RC_ASSERT(bits == std::bit_cast<uint32_t>(vector[i]));
      RC_ASSERT(std::bit_cast<uint32_t>(floats[i].get<float>()) == bits);
    }
  }));
}

// Read as a client does: most parse a double and round that to a float.
bool comes_back(float value) {
  const std::string body = body_of({&value, 1}, 1);
  const Json number = Json::parse(body)["data"][0]["embedding"][0];
  const auto other = json::Document::parse(body, "body");
  const auto as_double = other->root().find("data")->items()[0].find("embedding")->items()[0].as_double();
  return number.is_number_float() &&
         std::bit_cast<uint32_t>(static_cast<float>(number.get<double>())) == std::bit_cast<uint32_t>(value) &&
         as_double && std::bit_cast<uint32_t>(static_cast<float>(*as_double)) == std::bit_cast<uint32_t>(value);
}

TEST(EmbeddingResponse, EveryFiniteFloatComesBackBitForBit) {
  using Limits = std::numeric_limits<float>;
  for (const float value :
       {0.0F, -0.0F, 1.0F, -1.0F, 1e-7F, 1e7F, 1e30F, 123456789.0F, 16777216.0F, Limits::max(), Limits::lowest(),
        Limits::min(), Limits::denorm_min(), -Limits::denorm_min(), Limits::epsilon()}) {
    EXPECT_TRUE(comes_back(value)) << value;
  }
  EXPECT_TRUE(rc::check("random bits", [](uint32_t bits) {
    const auto value = std::bit_cast<float>(bits);
    RC_PRE(std::isfinite(value));
    RC_ASSERT(comes_back(value));
  }));
}

TEST(EmbeddingResponse, RefusesWhatJsonCannotSay) {
  for (const float value :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    for (const Encoding encoding : {Encoding::floats, Encoding::base64}) {
      const std::vector<float> vector{0.5F, value};
      const auto body = embedding_response(vector, 2, {encoding}, "m", 1);
      ASSERT_FALSE(body);
      EXPECT_EQ(body.error().code, Code::internal);
    }
  }
}

}  // namespace
}  // namespace lode::server
