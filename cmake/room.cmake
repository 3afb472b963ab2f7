# Without optimisation the debug build compiles a third faster; these rooms would then be too slow to test.
set(LODE_COMPUTING_ROOMS kernels text model index search eval)
# The rooms whose code a fuzzer reaches: compiled for coverage, which costs a quarter of their compile time.
set(LODE_FUZZED_ROOMS base text weights embed eval search mcp server)

# Parsing third-party headers and compiling their templates is most of what a build takes. Two ways share that work; in both a
# file still includes what it uses, and a plain build is -DLODE_PCH=OFF -DLODE_GROUPS=OFF -DCMAKE_UNITY_BUILD=OFF.
# Unity builds: several files of a target are compiled as one, so what is in their anonymous namespaces needs different names,
# and a change compiles more than it must. The presets debug and tsan do so but in LODE_APART; the others only with files that
# share a header with objects of its own (CLI11, Asio) or much to parse, each such set a UNITY_GROUP.
# Precompiled headers (elsewhere): headers that do not change while one works here are parsed once a target and not once a file.
# Only such that nearly every file includes, and none with objects of its own: those would be compiled into every file.
# LODE_APART: rooms whose files are much alike in their names and include little that is heavy.
set(LODE_APART eval kernels model)
# Rooms whose files are compiled as one in their groups only, in every preset: one file a command, much alike too.
set(LODE_IN_GROUPS apps)
set(LODE_PRECOMPILED <algorithm> <functional> <memory> <optional> <string> <string_view> <vector> <fmt/format.h>)

# lode_room(NAME SOURCES ... DEPENDS room ... LIBRARIES target ...): one static library a room, as lode::NAME.
function(lode_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(lode_${name} STATIC ${ROOM_SOURCES})
  add_library(lode::${name} ALIAS lode_${name})
  list(TRANSFORM ROOM_DEPENDS PREPEND lode::)
  target_link_libraries(lode_${name} PUBLIC lode_options ${ROOM_DEPENDS} PRIVATE ${ROOM_LIBRARIES})
  if(name IN_LIST LODE_COMPUTING_ROOMS)
    target_compile_options(lode_${name} PRIVATE $<$<CONFIG:Debug>:-O1>)
  endif()
  if(LODE_FUZZ AND name IN_LIST LODE_FUZZED_ROOMS)
    target_compile_options(lode_${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  set(unity ${CMAKE_UNITY_BUILD})
  if(name IN_LIST LODE_APART)
    set(unity OFF)
    set_target_properties(lode_${name} PROPERTIES UNITY_BUILD OFF)
  elseif(LODE_GROUPS AND (NOT unity OR name IN_LIST LODE_IN_GROUPS))
    set(unity OFF)
    set_target_properties(lode_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  endif()
  # The kernels' files set their own instruction sets, and include next to nothing.
  list(LENGTH ROOM_SOURCES n_sources)
  if(LODE_PCH AND NOT unity AND n_sources GREATER 5 AND NOT name STREQUAL kernels)
    target_precompile_headers(lode_${name} PRIVATE ${LODE_PRECOMPILED})
  endif()
endfunction()

# lode_test(NAME SOURCES ... DEPENDS room ... LABELS label ... PRECOMPILED header ...): one GoogleTest binary for a room's
# tests; the target tests-LABEL builds all that have the label. PRECOMPILED: headers that most of its files include.
function(lode_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;DEPENDS;LIBRARIES;LABELS;PRECOMPILED" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  list(TRANSFORM TEST_DEPENDS PREPEND lode::)
  target_link_libraries(${name} PRIVATE lode_options ${TEST_DEPENDS} ${TEST_LIBRARIES} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE LODE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  list(LENGTH TEST_SOURCES n_sources)
  if(LODE_PCH AND NOT CMAKE_UNITY_BUILD AND n_sources GREATER 5)
    target_precompile_headers(${name} PRIVATE ${LODE_PRECOMPILED} <gtest/gtest.h> ${TEST_PRECOMPILED})
  endif()
  # Half of a clean build's time goes into tests; what they test is optimised as it is shipped.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABELS}")
  foreach(label IN LISTS TEST_LABELS)
    if(NOT TARGET tests-${label})
      add_custom_target(tests-${label})
    endif()
    add_dependencies(tests-${label} ${name})
  endforeach()
endfunction()
