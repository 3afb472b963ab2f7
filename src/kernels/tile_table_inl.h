// A function for every height of a tile: of_rows[n] is Rows::function<n>, for n up to kMost, all of type
// Rows::Function. Included by each path inside its namespace and target region. A constant expression: nothing compiled
// for a wide target may run before the CPU was asked.
template <class Rows, int kMost>
struct TileTable {
  typename Rows::Function of_rows[kMost + 1] = {};
  constexpr TileTable() { fill<kMost>(); }

 private:
  template <int kRows>
  constexpr void fill() {
    of_rows[kRows] = Rows::template function<kRows>;
    if constexpr (kRows > 1) fill<kRows - 1>();
  }
};
