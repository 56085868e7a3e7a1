// SPDX-License-Identifier: BSL-1.0
// Where light comes from: rays are followed backwards, from the eye.
#ifndef TANDEM_EXAMPLES_RAYTRACER_TRACE_HPP
#define TANDEM_EXAMPLES_RAYTRACER_TRACE_HPP

#include <algorithm>  // for max, min
#include <cmath>      // for abs, floor, fmod, pow, sqrt, tan
#include <cstdint>    // for uint32_t, uint64_t
#include <limits>     // for numeric_limits
#include <numbers>    // for pi

#include "scene.hpp"
#include "vec.hpp"

namespace raytracer {

inline constexpr double never = std::numeric_limits<double>::infinity();
inline constexpr double near = 1e-6;  // a ray that leaves a surface does not meet it here
inline constexpr int most_bounces = 12;

struct ray {
  vec origin;
  vec direction;  // of length 1

  vec at(double distance) const { return origin + distance * direction; }
};

/// How far away a ray meets a thing; or never.
inline double distance(ray const& from, sphere const& to) {
  vec const middle = to.center - from.origin;
  double const along = dot(middle, from.direction);
  vec const beside = middle - along * from.direction;
  double const left = to.radius * to.radius - dot(beside, beside);
  if (left < 0) return never;
  double const half = std::sqrt(left), tolerance = near * std::max(1.0, to.radius);
  return along - half > tolerance ? along - half : along + half > tolerance ? along + half : never;
}

inline double distance(ray const& from, plane const& to) {
  double const slope = dot(to.normal, from.direction);
  double const found = dot(to.point - from.origin, to.normal) / slope;  // NaN, or infinite, where it runs along
  return slope != 0 && found > near ? found : never;
}

/// Moeller and Trumbore, Fast, Minimum Storage Ray/Triangle Intersection (1997).
inline double distance(ray const& from, triangle const& to) {
  vec const b = to.b - to.a, c = to.c - to.a, p = cross(from.direction, c);
  double const slope = dot(b, p);
  if (slope == 0) return never;
  vec const start = from.origin - to.a, q = cross(start, b);
  double const u = dot(start, p) / slope, v = dot(from.direction, q) / slope;
  if (u < 0 || v < 0 || u + v > 1) return never;
  double const found = dot(c, q) / slope;
  return found > near ? found : never;
}

inline vec normal_at(vec where, sphere const& of) { return 1 / of.radius * (where - of.center); }
inline vec normal_at(vec, plane const& of) { return of.normal; }
inline vec normal_at(vec, triangle const& of) { return unit(cross(of.b - of.a, of.c - of.a)); }

struct hit {
  double distance = never;
  vec where;
  vec normal;  // of length 1; of a closed body, to its outside
  std::uint32_t material = 0;
};

/// The first thing that a ray meets.
inline hit first_hit(scene const& all, ray const& from) {
  hit found;
  auto const look = [&](auto const& things) {
    auto const* nearest = things.data() + things.size();
    for (auto const& one : things)
      if (double const at = distance(from, one); at < found.distance) {
        found.distance = at;
        nearest = &one;
      }
    if (nearest == things.data() + things.size()) return;
    found.where = from.at(found.distance);
    found.normal = normal_at(found.where, *nearest);
    found.material = nearest->material;
  };
  look(all.spheres);
  look(all.planes);
  look(all.triangles);
  return found;
}

/// Whether something lies between: glass does not, for lights.
inline bool is_shaded(scene const& all, ray const& from, double light_at) {
  auto const any = [&](auto const& things) {
    for (auto const& one : things)
      if (distance(from, one) < light_at && all.materials[one.material].kind != surface::glass) return true;
    return false;
  };
  return any(all.spheres) || any(all.planes) || any(all.triangles);
}

inline vec color_at(material const& of, vec where) {
  if (of.cell == 0) return of.color;
  auto const cell = [&](double x) { return std::floor(x / of.cell + near); };
  return std::fmod(cell(where.x) + cell(where.y) + cell(where.z), 2) == 0 ? of.color : of.other_color;
}

inline vec reflect(vec direction, vec normal) { return direction - 2 * dot(direction, normal) * normal; }

/// Through glass, or off it, as chance and Fresnel's law (by Schlick) say. `normal` points to the outside.
inline vec through_glass(vec direction, vec normal, double index, dice& chance) {
  bool const entering = dot(direction, normal) < 0;
  vec const facing = entering ? normal : -1.0 * normal;
  double const ratio = entering ? 1 / index : index;
  double const cosine = -dot(direction, facing);
  double const inner = 1 - ratio * ratio * (1 - cosine * cosine);
  if (inner < 0) return reflect(direction, facing);  // totally
  double const straight = (1 - index) / (1 + index) * ((1 - index) / (1 + index));
  double const flat = 1 - (entering ? cosine : std::sqrt(inner));
  if (chance.roll() < straight + (1 - straight) * std::pow(flat, 5)) return reflect(direction, facing);
  return ratio * direction + (ratio * cosine - std::sqrt(inner)) * facing;
}

/// What the lights send to a diffuse surface.
inline vec lit(scene const& all, vec where, vec normal, dice& chance) {
  vec sum;
  for (auto const& one : all.lights) {
    vec const to = one.at + one.radius * chance.in_ball() - where;
    double const far = length(to), slope = dot(to, normal) / far;
    if (slope > 0 && !is_shaded(all, {where, 1 / far * to}, far)) sum += slope / (far * far) * one.color;
  }
  return sum;
}

/// The light that comes to a ray's origin from its direction.
inline vec light_from(scene const& all, ray at, dice& chance) {
  vec sum, left{1, 1, 1};  // what of the light that is found further on will arrive
  for (int bounce = 0; bounce <= most_bounces; ++bounce) {
    hit const found = first_hit(all, at);
    if (found.distance == never) {
      double const height = std::max(0.0, at.direction.y);
      return sum + left * ((1 - height) * all.sky.horizon + height * all.sky.zenith);
    }
    material const& here = all.materials[found.material];
    vec const facing = dot(at.direction, found.normal) < 0 ? found.normal : -1.0 * found.normal;
    sum += left * here.glow;
    left = left * color_at(here, found.where);
    vec next;
    switch (here.kind) {
      case surface::diffuse:
        sum += left * lit(all, found.where, facing, chance);
        next = facing + unit(chance.in_ball());
        break;
      case surface::mirror:
        next = reflect(at.direction, facing) + here.roughness * chance.in_ball();
        break;
      case surface::glass:
        next = through_glass(at.direction, found.normal, here.index, chance);
        break;
    }
    if (dot(next, next) < near) next = facing;
    at = {found.where, unit(next)};
  }
  return sum;
}

/// Rays from the eye through a picture of width x height pixels.
class lens {
 public:
  lens(camera const& by, double width, double height) : from_(by.from), width_(width), height_(height) {
    forward_ = unit(by.to - by.from);
    vec const up = std::abs(forward_.y) > 0.999 ? vec{0, 0, 1} : vec{0, 1, 0};
    double const scale = std::tan(by.view * std::numbers::pi / 360);
    right_ = scale * width / height * unit(cross(forward_, up));
    down_ = scale * unit(cross(forward_, right_));
  }

  ray through(double x, double y) const {
    return {from_, unit(forward_ + (2 * x / width_ - 1) * right_ + (2 * y / height_ - 1) * down_)};
  }

 private:
  vec from_, forward_, right_, down_;
  double width_, height_;
};

/// The pixel at column x and row y: the mean of `samples` rays, as numbers from 0 to 1.
inline vec render(scene const& all, lens const& by, std::uint32_t x, std::uint32_t y, unsigned samples) {
  dice chance(std::uint64_t{y} << 32 | x);
  vec sum;
  for (unsigned i = 0; i < samples; ++i) {
    double const dx = chance.roll(), dy = chance.roll();
    sum += light_from(all, by.through(x + dx, y + dy), chance);
  }
  auto const shown = [&](double light) { return light > 0 ? std::pow(std::min(light / samples, 1.0), 1 / 2.2) : 0; };
  return {shown(sum.x), shown(sum.y), shown(sum.z)};
}

}  // namespace raytracer

#endif  // TANDEM_EXAMPLES_RAYTRACER_TRACE_HPP
