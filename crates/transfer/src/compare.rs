//! What independent observers serve: whether they are ahead of us for too long.
