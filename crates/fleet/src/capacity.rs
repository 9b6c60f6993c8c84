//! What a site can take, and what is left when nodes are gone.

/// Rates and capacity of a site of like nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// Queries a second that one node can answer.
    pub per_node: f64,
    /// Queries a second that each node which takes part gets now.
    pub rates: Vec<f64>,
}

impl Capacity {
    /// Queries a second of the whole site.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.rates.iter().sum()
    }

    /// Queries a second that its nodes can answer.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.of(self.rates.len())
    }

    /// The part of the site's queries that each node gets, in order; nothing without queries.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        let load = self.load();
        let share = |rate: &f64| if load > 0.0 { rate / load } else { 0.0 };
        self.rates.iter().map(share).collect()
    }

    /// Queries a second that may come on top of today's; less than nothing when too many come.
    #[must_use]
    pub fn headroom(&self) -> f64 {
        self.headroom_without(0)
    }

    /// The same with so many nodes gone, whose queries the rest gets.
    #[must_use]
    pub fn headroom_without(&self, gone: usize) -> f64 {
        self.of(self.rates.len().saturating_sub(gone)) - self.load()
    }

    /// Nodes that may be gone at once with all queries still answered.
    #[must_use]
    pub fn spare_nodes(&self) -> usize {
        let fits = |gone: &usize| self.headroom_without(*gone) >= 0.0;
        (1..self.rates.len()).take_while(fits).count()
    }

    #[expect(clippy::cast_precision_loss, reason = "a site has tens of nodes")]
    fn of(&self, nodes: usize) -> f64 {
        self.per_node * nodes as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headroom_of_a_site_is_what_its_nodes_leave() {
        // Rates, then headroom now, with one and two gone, and nodes to spare; 100 a node.
        let cases: &[(&[f64], [f64; 3], usize)] = &[
            (&[50.0, 50.0, 50.0, 50.0], [200.0, 100.0, 0.0], 2),
            (&[90.0, 60.0], [50.0, -50.0, -150.0], 0),
            (&[10.0], [90.0, -10.0, -10.0], 0),
            (&[], [0.0, 0.0, 0.0], 0),
        ];
        for (rates, headroom, spare) in cases {
            let site = Capacity {
                per_node: 100.0,
                rates: rates.to_vec(),
            };
            assert_eq!([0, 1, 2].map(|gone| site.headroom_without(gone)), *headroom);
            assert_eq!(site.spare_nodes(), *spare, "{rates:?}");
        }
    }

    #[test]
    fn shares_of_nothing_are_nothing() {
        let shares = |rates: &[f64]| {
            Capacity {
                per_node: 1.0,
                rates: rates.to_vec(),
            }
            .shares()
        };
        assert_eq!(shares(&[30.0, 10.0]), [0.75, 0.25]);
        assert_eq!(shares(&[0.0, 0.0]), [0.0, 0.0]);
    }
}
