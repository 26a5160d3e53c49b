# DDPM_SANITIZE=address,undefined builds all native code and its tests under those sanitizers; a finding ends the test.

if(DDPM_SANITIZE)
  add_compile_options(
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${DDPM_SANITIZE};-fno-sanitize-recover=all;-fno-omit-frame-pointer;-g>")
  add_link_options(-fsanitize=${DDPM_SANITIZE})
endif()
