# SPDX-License-Identifier: Apache-2.0
# One function for each kind of target, so that flags stand in one place.

add_library(slipway_flags INTERFACE)
target_compile_options(slipway_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror
  $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-designated-field-initializers -Wno-missing-field-initializers>)
target_include_directories(slipway_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
if(SLIPWAY_SANITIZE)
  # No vptr check: it needs the type information that CORE libraries are built without.
  target_compile_options(slipway_flags INTERFACE -fsanitize=${SLIPWAY_SANITIZE} -fno-sanitize=vptr
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(slipway_flags INTERFACE -fsanitize=${SLIPWAY_SANITIZE})
endif()

# slipway_library(NAME [CORE] [LINK libraries...])
#
# Library `slipway_NAME` from every .cpp in the calling folder (globbed with CONFIGURE_DEPENDS: a new
# file needs no edit here, and a forgotten one cannot exist). CORE code runs on a microcontroller:
# no exceptions, no RTTI.
function(slipway_library name)
  cmake_parse_arguments(arg "CORE" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_library(slipway_${name} STATIC ${sources})
  add_library(slipway::${name} ALIAS slipway_${name})
  target_include_directories(slipway_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                             PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(slipway_${name} PUBLIC ${arg_LINK} PRIVATE slipway_flags)
  if(arg_CORE)
    target_compile_options(slipway_${name} PRIVATE -fno-exceptions -fno-rtti)
  endif()
endfunction()

# slipway_test(NAME [LINK libraries...]): the GoogleTest program `test_NAME` from every .cpp in the
# calling folder; ctest lists each of its tests.
function(slipway_test name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE
    SLIPWAY_VECTORS="${PROJECT_SOURCE_DIR}/tests/vectors" SLIPWAY_SOURCE="${PROJECT_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE ${arg_LINK} GTest::gtest GTest::gmock GTest::gtest_main slipway_flags)
  gtest_discover_tests(test_${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES
    PROPERTIES TIMEOUT 120)
endfunction()

# slipway_benchmark(NAME [LINK libraries...]): `bench_NAME`, a Google Benchmark program.
function(slipway_benchmark name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(bench_${name} ${name}.cpp)
  target_include_directories(bench_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(bench_${name} PRIVATE ${arg_LINK} benchmark::benchmark slipway_flags)
endfunction()

# slipway_fuzzer(NAME [LINK libraries...]): `fuzz_NAME`, a libFuzzer harness from NAME.cpp.
function(slipway_fuzzer name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(fuzz_${name} ${name}.cpp)
  target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${name} PRIVATE ${arg_LINK} slipway_flags)
endfunction()
