#include "apps/bench_peer.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(BenchPeer, HasANameAProgramAndMaybeAModelAndFlags) {
  const auto plain = parse_peer("ik=/opt/ik/llama-bench");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "ik");
  EXPECT_EQ(plain->program, "/opt/ik/llama-bench");
  EXPECT_TRUE(plain->model.empty());
  EXPECT_THAT(plain->flags, IsEmpty());

  const auto whole = parse_peer("ik=/opt/ik/llama-bench,model=m-q8_0.gguf,flags= -rtr 1  -ot a=b,c=d ");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->model, "m-q8_0.gguf");
  EXPECT_THAT(whole->flags, ElementsAre("-rtr", "1", "-ot", "a=b,c=d"));

  const auto program = parse_peer("ort=python3,flags=ort.py --onnx a,model=b");
  ASSERT_TRUE(program);
  EXPECT_TRUE(program->model.empty());  // flags are the rest, whatever they hold
  EXPECT_THAT(program->flags, ElementsAre("ort.py", "--onnx", "a,model=b"));
}

TEST(BenchPeer, RefusesWhatHasNoNameOrNoProgram) {
  for (const std::string_view text : {"", "llama-bench", "=llama-bench", "ik=", "ik=,model=m.gguf",
                                      "ik=b,model=", "ik=b,flag=-fa", "ik=b,threads=2,model=m"}) {
    const auto peer = parse_peer(text);
    ASSERT_FALSE(peer) << text;
    EXPECT_EQ(peer.error().code, Code::invalid_argument);
    EXPECT_THAT(peer.error().line(), HasSubstr("NAME=PATH"));
  }
}

TEST(BenchPeer, IsKnownByItsHelp) {
  EXPECT_EQ(*peer_kind("usage: llama-bench [options]\n  -p, --n-prompt <n>  (default: 512)\n  -n, --n-gen <n>"),
            PeerKind::llama_bench);
  EXPECT_EQ(*peer_kind("----- example-specific params -----\n\n--embd-separator STRING  separator of embeddings"),
            PeerKind::llama_embedding);
  EXPECT_EQ(*peer_kind("usage: ort.py [-h] --texts TEXTS --threads THREADS [--each]"), PeerKind::program);
  const auto other = peer_kind("Usage: true [ignored command line arguments]");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::unsupported);
}

// What llama-bench of llama.cpp 0c1e570 and of ik_llama.cpp 8337e4c printed for `-p 16 -n 0 -r 1 -o json`, some members
// left out.
constexpr std::string_view kLlamaBench = R"([
  {
    "build_commit": "0c1e570",
    "build_number": 1,
    "cpu_info": "AMD EPYC",
    "backends": "CPU",
    "model_filename": "models/llama-q4_0.gguf",
    "model_type": "llama 7B Q4_0",
    "model_size": 4000661504,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_threads": 2,
    "flash_attn": -1,
    "tensor_split": "0.00",
    "embeddings": false,
    "n_prompt": 16,
    "n_gen": 0,
    "n_depth": 0,
    "test_time": "2026-11-27T09:08:01Z",
    "avg_ns": 2860006144,
    "stddev_ns": 0,
    "avg_ts": 5.594394,
    "stddev_ts": 0.000000,
    "samples_ns": [ 2860006144 ],
    "samples_ts": [ 5.59439 ]
  }
]
)";
constexpr std::string_view kIkLlamaBench = R"([
  {
    "build_commit": "unknown",
    "build_number": 0,
    "rpc": "0",
    "cpu_info": "AMD EPYC",
    "model_filename": "models/llama-q4_0.gguf",
    "model_type": "llama 7B Q4_0",
    "model_size": 4074389504,
    "n_threads": 2,
    "flash_attn": true,
    "ser": "-1,0",
    "repack": true,
    "cuda_params": "",
    "n_prompt": 16,
    "n_gen": 0,
    "test_time": "2026-11-27T09:07:53Z",
    "avg_ns": 2613479546,
    "stddev_ns": 0,
    "avg_ts": 6.122106,
    "stddev_ts": 0.000000,
    "test": "pp16",
    "samples_ns": [ 2613479546 ],
    "samples_ts": [ 6.12211 ]
  }
]
)";

TEST(BenchPeer, ReadsWhatLlamaBenchPrints) {
  const auto answer = read_pass(kLlamaBench, 16);
  ASSERT_TRUE(answer);
  EXPECT_DOUBLE_EQ(answer->value, 5.594394);
  EXPECT_EQ(answer->dtype, "Q4_0");
  const auto other = read_pass(kIkLlamaBench, 16);
  ASSERT_TRUE(other);
  EXPECT_DOUBLE_EQ(other->value, 6.122106);
  EXPECT_EQ(other->dtype, "Q4_0");
}

TEST(BenchPeer, ReadsItBetweenOtherLines) {
  std::string talk = "============ Repacked 225 tensors\n" + std::string(kLlamaBench) + "~ggml_backend [done]\n";
  talk.replace(talk.find("llama 7B Q4_0"), 13, "llama 7B Q4_K - Medium");
  const auto answer = read_pass(talk, 16);
  ASSERT_TRUE(answer);
  EXPECT_DOUBLE_EQ(answer->value, 5.594394);
  EXPECT_EQ(answer->dtype, "Q4_K");
}

TEST(BenchPeer, RefusesAnotherPassAndWhatIsNoAnswer) {
  EXPECT_THAT(read_pass(kLlamaBench, 128).error().message, HasSubstr("no pass of 128 tokens"));
  EXPECT_FALSE(read_pass("", 16));
  EXPECT_FALSE(read_pass("[\n  {\"n_prompt\": 16", 16));
  std::string stopped(kLlamaBench);
  stopped.replace(stopped.find("5.594394"), 8, "0       ");
  EXPECT_THAT(read_pass(stopped, 16).error().message, HasSubstr("avg_ts"));
}

TEST(BenchPeer, IsCalledWithTheWholePassAtOnce) {
  Peer peer;
  peer.program = "llama-bench";
  peer.model = "m.gguf";
  peer.flags = {"-rtr", "1"};
  peer.kind = PeerKind::llama_bench;
  EXPECT_THAT(pass_command(peer, 4096, 2, 3),
              ElementsAre("llama-bench", "-rtr", "1", "-m", "m.gguf", "-p", "4096", "-n", "0", "-r", "3", "-t", "2",
                          "-b", "4096", "-ub", "4096", "-o", "json"));
}

TEST(BenchPeer, GetsTextsAsItReadsThem) {
  Peer peer;
  peer.program = "python3";
  peer.flags = {"ort.py"};
  EXPECT_THAT(texts_command(peer, "t.txt", 2, true),
              ElementsAre("python3", "ort.py", "--texts", "t.txt", "--threads", "2", "--each"));
  EXPECT_EQ(texts_file(PeerKind::program, {"a \"b\"\nc", "ü"}), "\"a \\\"b\\\"\\nc\"\n\"ü\"\n");
  EXPECT_EQ(texts_file(PeerKind::llama_embedding, {"a", "b", "c"}), "a<#sep#>b<#sep#>c");
}

TEST(BenchPeer, AnswersInItsLastLine) {
  const auto answer = read_texts_answer("loading ...\n{\"texts_per_second\": 47.5, \"dtype\": \"f32\"}\n\n", false);
  ASSERT_TRUE(answer);
  EXPECT_DOUBLE_EQ(answer->value, 47.5);
  EXPECT_EQ(answer->dtype, "f32");
  EXPECT_DOUBLE_EQ(read_texts_answer("{\"p50_ms\": 2}", true)->value, 2);
  EXPECT_FALSE(read_texts_answer("{\"p50_ms\": 2}", false));
  EXPECT_FALSE(read_texts_answer("{\"texts_per_second\": -1}", false));
  EXPECT_FALSE(read_texts_answer("Traceback", false));
  EXPECT_FALSE(read_texts_answer(" \n", false));
}

}  // namespace
}  // namespace lode::apps
