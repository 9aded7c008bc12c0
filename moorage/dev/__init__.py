"""The inner loop: what changes in the checkout is brought into running pods, and told once it is served."""
