# lode_room(NAME SOURCES ... DEPENDS room ... LIBRARIES target ...): one static library a room, as lode::NAME.
function(lode_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(lode_${name} STATIC ${ROOM_SOURCES})
  add_library(lode::${name} ALIAS lode_${name})
  list(TRANSFORM ROOM_DEPENDS PREPEND lode::)
  target_link_libraries(lode_${name} PUBLIC lode_options ${ROOM_DEPENDS} PRIVATE ${ROOM_LIBRARIES})
endfunction()

# lode_test(NAME SOURCES ... DEPENDS room ... LABELS label ...): one GoogleTest binary for a room's tests.
function(lode_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;DEPENDS;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  list(TRANSFORM TEST_DEPENDS PREPEND lode::)
  target_link_libraries(${name} PRIVATE lode_options ${TEST_DEPENDS} ${TEST_LIBRARIES} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE LODE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABELS}")
endfunction()
