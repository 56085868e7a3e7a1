// SPDX-License-Identifier: BSL-1.0
// What is in a scene. All of it lies in memory that the workers share, be they threads or processes.
#ifndef TANDEM_EXAMPLES_RAYTRACER_SCENE_HPP
#define TANDEM_EXAMPLES_RAYTRACER_SCENE_HPP

#include <cstdint>  // for uint32_t

#include <tandem/tandem.hpp>

#include "vec.hpp"

namespace raytracer {

enum class surface : std::uint32_t { diffuse, mirror, glass };

struct material {
  surface kind = surface::diffuse;
  vec color{0.8, 0.8, 0.8};
  vec other_color{};     // of every second cell of a checker
  double cell = 0;       // its size; 0: no checker
  double roughness = 0;  // of a mirror
  double index = 1.5;    // of refraction, of glass
  vec glow{};            // light of its own
};

struct sphere {
  vec center;
  double radius = 1;
  std::uint32_t material = 0;
};

struct plane {
  vec point;
  vec normal{0, 1, 0};  // of length 1, as all normals
  std::uint32_t material = 0;
};

struct triangle {
  vec a, b, c;
  std::uint32_t material = 0;
};

/// A ball that shines and is not seen itself.
struct light {
  vec at;
  vec color{1, 1, 1};
  double radius = 0;
};

struct camera {
  vec from{0, 1, 5};
  vec to{0, 0, 0};
  double view = 45;  // from the lower edge to the upper one, in degrees
};

struct sky {
  vec zenith{0.4, 0.6, 1};
  vec horizon{0.9, 0.9, 0.9};
};

struct scene {
  raytracer::camera camera;
  raytracer::sky sky;
  tandem::shm::vector<light> lights;
  tandem::shm::vector<material> materials;
  tandem::shm::vector<sphere> spheres;
  tandem::shm::vector<plane> planes;
  tandem::shm::vector<triangle> triangles;
};

}  // namespace raytracer

#endif  // TANDEM_EXAMPLES_RAYTRACER_SCENE_HPP
