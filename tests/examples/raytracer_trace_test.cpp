// SPDX-License-Identifier: BSL-1.0
// What rays meet, and the light that they find, in the example raytracer.
#include "raytracer/trace.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace raytracer;

namespace {

constexpr double sqrt_half = 0.70710678118654752;
ray const ahead{{0, 0, 5}, {0, 0, -1}};

bool near_to(double a, double b) { return std::abs(a - b) < 1e-9; }
bool near_to(vec a, vec b) { return length(a - b) < 1e-9; }

}  // namespace

TEST_CASE("raytracer: a ray meets a sphere where it enters, or from within where it leaves", "[examples][raytracer]") {
  CHECK(near_to(distance(ahead, sphere{{0, 0, 0}, 1, 0}), 4));
  CHECK(near_to(distance(ahead, sphere{{0, 0, 5}, 2, 0}), 2));
  CHECK(distance(ahead, sphere{{0, 0, 8}, 1, 0}) == never);    // behind
  CHECK(distance(ahead, sphere{{1.1, 0, 0}, 1, 0}) == never);  // beside
  sphere const ball{{0, 0, 0}, 1, 0};
  CHECK(near_to(normal_at({0, 0, 1}, ball), {0, 0, 1}));
  CHECK(distance({{0, 0, 1}, {0, 0, 1}}, ball) == never);      // it leaves the surface
  CHECK(near_to(distance({{0, 0, 1}, {0, 0, -1}}, ball), 2));  // through it
}

TEST_CASE("raytracer: a ray meets a plane before it, from either side", "[examples][raytracer]") {
  plane const floor{{0, -2, 0}, {0, 1, 0}, 0};
  CHECK(near_to(distance({{0, 0, 0}, {0, -1, 0}}, floor), 2));
  CHECK(near_to(distance({{0, -5, 0}, {0, 1, 0}}, floor), 3));
  CHECK(near_to(distance({{0, 0, 0}, {sqrt_half, -sqrt_half, 0}}, floor), 2 / sqrt_half));
  CHECK(distance({{0, 0, 0}, {0, 1, 0}}, floor) == never);   // behind
  CHECK(distance({{0, 0, 0}, {1, 0, 0}}, floor) == never);   // along
  CHECK(distance({{0, -2, 0}, {1, 0, 0}}, floor) == never);  // within
}

TEST_CASE("raytracer: a ray meets a triangle within its edges, from either side", "[examples][raytracer]") {
  triangle const one{{-1, -1, 0}, {1, -1, 0}, {0, 1, 0}, 0};
  CHECK(near_to(distance(ahead, one), 5));
  CHECK(near_to(distance({{0, 0, -3}, {0, 0, 1}}, one), 3));
  CHECK(distance({{0.9, 0.5, 5}, {0, 0, -1}}, one) == never);  // beside
  CHECK(distance({{0, -1.1, 5}, {0, 0, -1}}, one) == never);   // below
  CHECK(distance({{0, 0, 5}, {0, 0, 1}}, one) == never);       // behind
  CHECK(distance({{0, 0, 5}, {0, 1, 0}}, one) == never);       // along
  CHECK(near_to(normal_at({0, 0, 0}, one), {0, 0, 1}));
}

TEST_CASE("raytracer: of all things the first is met, and shades", "[examples][raytracer]") {
  scene all;
  all.materials.resize(3);
  all.materials[2].kind = surface::glass;
  all.planes.push_back({{0, 0, -3}, {0, 0, 1}, 0});
  CHECK(first_hit(all, ahead).distance == 8);
  all.spheres.push_back({{0, 0, 0}, 1, 1});
  auto const found = first_hit(all, ahead);
  CHECK(near_to(found.distance, 4));
  CHECK(found.material == 1);
  CHECK(near_to(found.normal, {0, 0, 1}));
  CHECK(first_hit(all, {{0, 0, 5}, {0, 0, 1}}).distance == never);
  CHECK(is_shaded(all, ahead, 6));
  CHECK_FALSE(is_shaded(all, ahead, 3));
  all.spheres[0].material = 2;
  CHECK_FALSE(is_shaded(all, ahead, 6));  // glass
}

TEST_CASE("raytracer: mirrors and glass turn a ray as the laws say", "[examples][raytracer]") {
  vec const up{0, 1, 0}, slanting{sqrt_half, -sqrt_half, 0};
  CHECK(near_to(reflect(slanting, up), {sqrt_half, sqrt_half, 0}));
  dice chance(1);
  int inside = 0;
  for (int i = 0; i < 1000; ++i) {
    vec const next = through_glass(slanting, up, 1.5, chance);
    CHECK(near_to(length(next), 1));
    if (next.y > 0) continue;  // reflected
    ++inside;
    CHECK(near_to(next.x, sqrt_half / 1.5));  // Snell's law
  }
  CHECK(inside > 900);
  CHECK(inside < 1000);
  // From within, flatter than the critical angle: always reflected.
  CHECK(near_to(through_glass({0.8, 0.6, 0}, up, 1.5, chance), {0.8, -0.6, 0}));
}

TEST_CASE("raytracer: a checker's cells alternate", "[examples][raytracer]") {
  material board;
  board.color = {1, 1, 1};
  board.cell = 2;
  CHECK(color_at(board, {1, 0, 1}) == vec{1, 1, 1});
  CHECK(color_at(board, {3, 0, 1}) == vec{0, 0, 0});
  CHECK(color_at(board, {-1, 0, 1}) == vec{0, 0, 0});
  CHECK(color_at(board, {-1, 0, -1}) == vec{1, 1, 1});
}

TEST_CASE("raytracer: light comes from the sky, from what glows, and from lights", "[examples][raytracer]") {
  scene all;
  all.sky = {{0, 0, 1}, {1, 0, 0}};
  dice chance(7);
  CHECK(near_to(light_from(all, {{0, 0, 0}, {0, 1, 0}}, chance), {0, 0, 1}));
  CHECK(near_to(light_from(all, {{0, 0, 0}, {1, 0, 0}}, chance), {1, 0, 0}));
  all.sky = {{}, {}};
  all.materials.resize(1);
  all.materials[0].color = {0.5, 0.5, 0.5};
  all.materials[0].glow = {2, 0, 0};
  all.planes.push_back({{0, 0, 0}, {0, 1, 0}, 0});
  CHECK(near_to(light_from(all, {{0, 1, 0}, {0, -1, 0}}, chance), {2, 0, 0}));
  all.lights.push_back({{0, 2, 0}, {4, 8, 12}, 0});
  CHECK(near_to(light_from(all, {{0, 1, 0}, {0, -1, 0}}, chance), {2.5, 1, 1.5}));  // half of a quarter of the light's
}

TEST_CASE("raytracer: a pixel is the same each time, and is where it should be", "[examples][raytracer]") {
  scene all;
  all.sky = {{}, {}};
  all.materials.resize(1);
  all.materials[0].glow = {1, 1, 1};
  all.camera = {{0, 0, 10}, {0, 0, 0}, 90};
  all.spheres.push_back({{-5, 5, 0}, 2, 0});  // upper left
  lens const eye(all.camera, 40, 40);
  CHECK(near_to(eye.through(20, 20).direction, {0, 0, -1}));
  CHECK(near_to(eye.through(20, 0).direction, {0, sqrt_half, -sqrt_half}));
  CHECK(near_to(eye.through(40, 20).direction, {sqrt_half, 0, -sqrt_half}));
  CHECK(near_to(render(all, eye, 10, 10, 3), {1, 1, 1}));
  CHECK(render(all, eye, 10, 30, 3) == vec{0, 0, 0});
  CHECK(render(all, eye, 30, 10, 3) == vec{0, 0, 0});
  all.materials[0].glow = {};
  all.sky = {{1, 1, 1}, {0.5, 0.1, 0}};
  CHECK(render(all, eye, 10, 10, 5) == render(all, eye, 10, 10, 5));
}
