"""What other programs ask of the product."""
