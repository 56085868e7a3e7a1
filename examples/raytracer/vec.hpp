// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_RAYTRACER_VEC_HPP
#define TANDEM_EXAMPLES_RAYTRACER_VEC_HPP

#include <cmath>    // for sqrt
#include <cstdint>  // for uint64_t

namespace raytracer {

/// A point, a direction, or a colour (red, green, blue).
struct vec {
  double x = 0, y = 0, z = 0;

  friend vec operator+(vec a, vec b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend vec operator-(vec a, vec b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend vec operator*(vec a, vec b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
  friend vec operator*(double s, vec a) { return {s * a.x, s * a.y, s * a.z}; }
  vec& operator+=(vec b) { return *this = *this + b; }
  friend bool operator==(vec const&, vec const&) = default;
};

inline double dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline vec cross(vec a, vec b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
inline double length(vec a) { return std::sqrt(dot(a, a)); }
inline vec unit(vec a) { return 1 / length(a) * a; }

/// Random numbers of one pixel (splitmix64): the same for it whoever computes it, and in whatever tile.
class dice {
 public:
  explicit dice(std::uint64_t pixel) : state_(pixel * 0xd1342543de82ef95) {}

  /// From 0 to below 1.
  double roll() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
  }

  /// Anywhere within the sphere of radius 1, but not its centre: so it has a direction.
  vec in_ball() {
    for (;;) {
      double const x = 2 * roll() - 1, y = 2 * roll() - 1, z = 2 * roll() - 1;
      vec const found{x, y, z};
      double const square = dot(found, found);
      if (square <= 1 && square > 1e-12) return found;
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace raytracer

#endif  // TANDEM_EXAMPLES_RAYTRACER_VEC_HPP
