# Language level, warnings and sanitizers for everything below.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
# C++ only where a C++ library gets its C face (src/image/dicom_dcmtk.cc).
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
foreach(language C CXX)
  set(CMAKE_${language}_FLAGS_RELEASE "-O3 -DNDEBUG")
  set(CMAKE_${language}_FLAGS_RELWITHDEBINFO "-O3 -g")
  set(CMAKE_${language}_FLAGS_SANITIZE "-O1 -g") # quick to build; for NARROWS_SANITIZE
endforeach()

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wformat=2
                    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes> -fno-math-errno
                    -fno-trapping-math)
if(NARROWS_WERROR)
  add_compile_options(-Werror)
endif()
if(NARROWS_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  # Programs are linked as C, without the part of the sanitizer that knows C++ types.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=vptr>)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # gcc loses value ranges under the sanitizers and then warns of what cannot happen.
    add_compile_options(-Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-overflow)
  endif()
endif()
if(NARROWS_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "NARROWS_FUZZ needs clang's libFuzzer: cmake --preset fuzz, or CC=clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
