int cks_placeholder(void); 
