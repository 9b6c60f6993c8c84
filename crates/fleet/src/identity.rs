//! Who a site and a node are: `aa01-ke-nbo`, and `aa01-ke-nbo-n3` for the third node of a Cluster.
