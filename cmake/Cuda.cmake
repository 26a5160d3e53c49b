# CUDA kernels are optional. No backend uses those of native/cuda yet; where nvcc is found, a build with tests compiles them, so
# that they stay whole on every architecture.

set(DDPM_CUDA_ARCHITECTURES 80 86 89 90 100 120 CACHE STRING "Compute capabilities that the CUDA kernels are compiled for")
set(DDPM_CUDA FALSE)
find_program(DDPM_NVCC nvcc)
if(NOT DDPM_NVCC)
  message(STATUS "CUDA left out: nvcc was not found")
elseif(NOT DDPM_TESTS)
  message(STATUS "CUDA left out: no backend uses the kernels of native/cuda yet; a build with tests compiles them")
else()
  set(CMAKE_CUDA_COMPILER ${DDPM_NVCC})
  # Machine code for each architecture, and PTX of the last for those to come.
  list(TRANSFORM DDPM_CUDA_ARCHITECTURES APPEND "-real" OUTPUT_VARIABLE CMAKE_CUDA_ARCHITECTURES)
  list(GET DDPM_CUDA_ARCHITECTURES -1 newest)
  list(APPEND CMAKE_CUDA_ARCHITECTURES ${newest}-virtual)
  enable_language(CUDA)
  set(CMAKE_CUDA_STANDARD 17)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  set(DDPM_CUDA TRUE)
  message(STATUS "CUDA kernels are compiled, but left out of the library: no backend uses them yet")
endif()
